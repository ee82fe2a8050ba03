import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestOptions, test } from 'node:test'
import { Database, type Durability } from '../../src/drivers/sqlite/database.js'
import type { Random } from '../../src/lib/runtime.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'
import { connect, QUEUE, textOf } from '../support/brokers/sqlite-rig.js'
import { Disk, lacksDisk } from './disk/disk.js'
import type { DiskStep } from './disk/files.js'
import { PowerLoss, type Unsynced } from './disk/power-loss.js'
import { LONG } from './long.js'

/*
 * F37: a real process publishes and acks on a disk that records every write and sync, beside which it writes down what
 * it was promised. Then the power goes off after any of those steps, in what is left a new process reads, and the two
 * are compared. So promises and writes stand in one order, and nothing is guessed about what had reached the disk.
 */

const disk: TestOptions = { skip: lacksDisk ?? false }
const FILES = ['queue.db', 'queue.db-wal', 'queue.db-wake']
const ROUNDS = LONG ? 400 : 150
const CUTS = LONG ? 100 : 16

/** What a process had been promised when the power went off. */
class Notes {
  readonly accepted = new Set<string>()
  /** It has asked: the message may be gone. */
  readonly acking = new Set<string>()
  readonly acked = new Set<string>()
  #rest = ''

  add(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const [what, id = ''] = line.split(' ')
      if (what === 'accepted') this.accepted.add(id)
      else if (what === 'acking') this.acking.add(id)
      else if (what === 'acked') this.acked.add(id)
    }
  }
}

async function record(durability: Durability): Promise<readonly DiskStep[]> {
  await using disk = await Disk.mount({ recorded: true })
  const clerk = new URL('./children/clerk.js', import.meta.url).pathname
  const child = spawn(process.execPath, [clerk, disk.path('queue.db'), durability, String(ROUNDS)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
  return await disk.steps()
}

/** Messages in the file that is left; rejects when it is not sound. */
async function recover(loss: PowerLoss, unsynced: Unsynced, random: Random): Promise<ReadonlySet<string>> {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-power-'))
  try {
    loss.leave(folder, FILES, unsynced, random)
    const path = join(folder, 'queue.db')
    const db = new Database(path, { durability: 'os' })
    db.quickCheck()
    db.close()
    await using rig = await connect(path, { durability: 'os' })
    const deliveries = await rig.connection.get(QUEUE, 1_000_000)
    for (const delivery of deliveries) assert.match(textOf(delivery), /^m\d+-\d-\d+ x{6000}$/)
    return new Set(deliveries.map(delivery => textOf(delivery).split(' ')[0] ?? ''))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Instants to look at: most of them right after a promise, where a missing sync shows. */
function instants(steps: readonly DiskStep[], random: Random): readonly number[] {
  const notes = fileOf(steps, 'notes')
  const promises = steps.flatMap((step, at) => (step.kind === 'write' && step.file === notes ? [at + 1] : []))
  return Array.from({ length: CUTS }, (_, i) => {
    const among = i % 4 === 0 ? steps.length : promises.length
    const drawn = Math.floor(random.next() * among)
    return i % 4 === 0 ? drawn : (promises[drawn] ?? 0)
  }).sort((a, b) => a - b)
}

function fileOf(steps: readonly DiskStep[], name: string): number | undefined {
  const made = steps.find(step => step.kind === 'create' && step.name === name)
  return made?.kind === 'create' ? made.file : undefined
}

/** Writes into the file itself before the last promise: at the end its log is always written back. */
function writtenBack(steps: readonly DiskStep[]): number {
  const [notes, main] = [fileOf(steps, 'notes'), fileOf(steps, 'queue.db')]
  const last = steps.findLastIndex(step => step.kind === 'write' && step.file === notes)
  return steps.slice(0, last).filter(step => step.kind === 'write' && step.file === main).length
}

/** In how many rounds of the clerk a sync stands between the last publish and the first ack: where its claim is. */
function syncedClaims(steps: readonly DiskStep[]): number {
  const [notes, log] = [fileOf(steps, 'notes'), fileOf(steps, 'queue.db-wal')]
  let claiming = false
  let synced = false
  let rounds = 0
  for (const step of steps) {
    if (step.kind === 'sync' && step.file === log) synced = true
    if (step.kind !== 'write' || step.file !== notes) continue
    const publishes = Buffer.from(step.data).toString().startsWith('accepted')
    if (claiming && !publishes && synced) rounds++
    claiming = publishes
    synced = false
  }
  return rounds
}

/** Calls `judge` for each instant at which the power goes off. */
async function cutThrough(
  steps: readonly DiskStep[],
  judge: (recovered: ReadonlySet<string>, notes: Notes, where: string) => void,
): Promise<void> {
  const seed = String(process.env['SEED'] ?? process.hrtime.bigint())
  const random = new SimRandom(seed)
  const loss = new PowerLoss(steps)
  const notes = new Notes()
  const noted = fileOf(steps, 'notes')
  assert.ok(writtenBack(steps) > 500, 'the log was never written back into the file: too few messages')
  let at = 0
  for (const cut of instants(steps, random)) {
    loss.advance(cut)
    for (const step of steps.slice(at, cut)) {
      if (step.kind === 'write' && step.file === noted) notes.add(Buffer.from(step.data).toString())
    }
    at = cut
    for (const unsynced of ['lost', 'torn'] as const) {
      const where = `seed ${seed}, power off after step ${cut} of ${steps.length}, unsynced writes ${unsynced}`
      try {
        judge(await recover(loss, unsynced, random), notes, where)
      } catch (error) {
        throw new Error(`${where}: ${error instanceof Error ? error.message : error}`, { cause: error })
      }
    }
  }
}

test(
  'F37 durability full: after a power loss at any instant what was accepted is there, and what was acked is gone',
  disk,
  async () => {
    const steps = await record('full')
    // A claim is not waited for: those few are where the log was written back.
    assert.ok(syncedClaims(steps) < ROUNDS / 3, `${syncedClaims(steps)} of ${ROUNDS} claims waited for the disk`)
    await cutThrough(steps, (recovered, { accepted, acking, acked }) => {
      const lost = [...accepted].filter(id => !acking.has(id) && !recovered.has(id))
      const back = [...acked].filter(id => recovered.has(id))
      assert.deepEqual({ lost, back }, { lost: [], back: [] })
    })
  },
)

test('F37 durability os: after a power loss the file is sound, and what is lost is the newest', disk, async () => {
  const steps = await record('os')
  let lostSome = false
  await cutThrough(steps, (recovered, { accepted, acking }) => {
    const kept = [...accepted].filter(id => !acking.has(id))
    const firstLost = kept.findIndex(id => !recovered.has(id))
    if (firstLost < 0) return
    lostSome = true
    // Those of one round were published together: they stand in the file in the order in which they were sent.
    const round = roundOf(kept[firstLost])
    assert.deepEqual(
      kept.slice(firstLost).filter(id => recovered.has(id) && roundOf(id) > round),
      [],
    )
  })
  assert.ok(lostSome, 'no cut lost anything: a missing sync would not be seen')
})

function roundOf(id: string | undefined): number {
  return Number(/^m(\d+)-/.exec(id ?? '')?.[1])
}
