import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { runId } from '../../src/beat/decide.js'
import type { ScheduleBook } from '../../src/beat/schedule-book.js'
import { openSchedule } from '../../src/beat/start-beat.js'
import { LovageProcess } from '../cli/process.js'
import { plainModule } from '../support/plain-module.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'

/*
 * F53, H62 with real processes: three of `lovage beat` on one store, of which the leader is killed, frozen beyond its lease, or
 * stopped, when an entry is due. Rounds per store: LOVAGE_BEAT_ROUNDS, by default 3.
 */

const ROUNDS = Number(process.env['LOVAGE_BEAT_ROUNDS'] ?? 3)
const LEASE_MS = 2000
const EVERY_MS = 500
const DEADLINE_MS = 60_000

const windows = process.platform === 'win32' ? 'Windows has no such signals' : undefined

interface Place extends AsyncDisposable {
  readonly brokerUrl: string
}

const PLACES: readonly { readonly name: string; readonly skip: string | undefined; open(): Promise<Place> }[] = [
  {
    name: 'SQLite',
    skip: windows,
    open: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lovage-beats-'))
      return {
        brokerUrl: `sqlite:///${join(folder, 'lovage.db')}`,
        [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
      }
    },
  },
  {
    name: 'Redis',
    skip: windows ?? (await redisMissing()),
    open: async () => {
      const database = await redisDatabase()
      return { brokerUrl: database.url, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
    },
  },
  {
    name: 'PostgreSQL',
    skip: windows ?? needsPostgres.skip,
    open: async () => {
      const database = await ScratchDatabase.create()
      return { brokerUrl: database.url(), [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
    },
  },
]

for (const { name, skip, open } of PLACES) {
  test(
    `F53 H62 D90 D92 three beats on ${name}, their leader killed, frozen or stopped: each due time is sent once, none is missed`,
    skip === undefined ? {} : { skip },
    async () => {
      await using place = await open()
      const folder = mkdtempSync(join(tmpdir(), 'lovage-beats-'))
      const beats: LovageProcess[] = []
      try {
        const settings = { brokerUrl: place.brokerUrl, resultBackend: 'disabled', beatLeaseTime: `${LEASE_MS}ms` }
        plainModule(folder, 'tasks', source(settings))
        const beatSchedule = { tick: { task: 'tick', schedule: EVERY_MS / 1000 } }
        await using app = new App('beats', { ...settings, beatSchedule }, { environment: {} })
        await using book = await openSchedule(app)
        const start = (): void =>
          void beats.push(new LovageProcess(['beat', '-A', 'tasks.mjs', '-l', 'info'], { cwd: folder }))
        for (let i = 0; i < 3; i++) start()
        await runsSince(book, 0, 3)
        for (let round = 0; round < ROUNDS; round++) {
          const leader = await leaderOf(book)
          await dueNow(book)
          const pid = Number(leader.split('@')[0])
          const how = (['kill', 'freeze', 'stop'] as const)[round % 3]
          const before = (await book.show('tick')).state?.runs ?? 0
          process.kill(pid, how === 'kill' ? 'SIGKILL' : how === 'freeze' ? 'SIGSTOP' : 'SIGTERM')
          const replaced = async (): Promise<boolean> => ((await book.leader())?.holder ?? leader) !== leader
          if (how === 'freeze') {
            // Frozen in the midst of a transaction it keeps a SQLite file from everybody, until it goes on.
            const thaw = setTimeout(() => process.kill(pid, 'SIGCONT'), 3 * LEASE_MS)
            if (name === 'SQLite') await sleep(3 * LEASE_MS)
            else await eventually('another leader', replaced)
            clearTimeout(thaw)
            process.kill(pid, 'SIGCONT')
          } else {
            await eventually('another leader', replaced)
            start()
          }
          await runsSince(book, before, 4)
        }
        for (const beat of beats) beat.kill('SIGTERM')
        await Promise.all(beats.map(beat => beat.end()))
        const { state } = await book.show('tick')
        const [last, runs] = [state?.last ?? 0, state?.runs ?? 0]
        const wanted = Array.from({ length: runs }, (_, i) => runId({ name: 'tick' }, last - i * EVERY_MS))
        const sent = await idsIn(app)
        assert.equal(new Set(sent).size, sent.length, 'nothing was sent twice')
        assert.deepEqual(sent.toSorted(), wanted.toSorted())
      } finally {
        for (const beat of beats) beat[Symbol.dispose]()
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )
}

function source(settings: Readonly<Record<string, unknown>>): string {
  const schedule = { tick: { task: 'tick', schedule: EVERY_MS / 1000 } }
  return `import { App } from 'lovage'\nexport const app = new App('beats', ${JSON.stringify({ ...settings, beatSchedule: schedule })})\n`
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await sleep(50)
  }
}

/** Entries of code are known to those who load it; here what is remembered of them is enough. */
async function runsSince(book: ScheduleBook, before: number, more: number): Promise<void> {
  await eventually(`${more} runs more`, async () => ((await book.show('tick')).state?.runs ?? 0) >= before + more)
}

async function leaderOf(book: ScheduleBook): Promise<string> {
  let holder = ''
  await eventually('a leader', async () => {
    holder = (await book.leader())?.holder ?? ''
    return holder !== ''
  })
  return holder
}

/** A due time is a moment away. */
async function dueNow(book: ScheduleBook): Promise<void> {
  const { state } = await book.show('tick')
  const next = (state?.last ?? 0) + EVERY_MS
  await sleep(Math.max(0, next - Date.now() - 5))
}

async function idsIn(app: App): Promise<readonly string[]> {
  const broker = await app.broker()
  const connection = await broker.connect({ name: 'the test' })
  try {
    const queue = app.queues.resolve('celery')
    await connection.declare({ queues: [queue] })
    const got = await connection.get(queue.name, 100_000)
    return got.map(({ message }) => String(message.headers['id']))
  } finally {
    await connection[Symbol.asyncDispose]()
  }
}
