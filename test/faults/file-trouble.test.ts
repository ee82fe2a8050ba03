import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { type TestOptions, test } from 'node:test'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import { Database } from '../../src/drivers/sqlite/database.js'
import { taskId } from '../../src/protocol/ids.js'
import { pickle } from '../../src/protocol/pickle.js'
import { sqliteBackend } from '../support/backends/backend-places.js'
import { RawFile } from '../support/backends/sqlite-rows.js'
import { EVERYBODY_LIVES, runtimeOn } from '../support/brokers/sqlite-places.js'
import { connect, eventually, publish, QUEUE, textOf } from '../support/brokers/sqlite-rig.js'
import { HandClock } from '../support/hand-clock.js'
import { Disk, lacksDisk } from './disk/disk.js'
import { House, stop } from './house.js'

/* What can happen to the file under a running worker: reliability F36, D3c, D3d. */

const disk: TestOptions = { skip: lacksDisk ?? false }

for (const [trouble, what] of [
  ['full', 'is full'],
  ['read-only', 'turns read-only'],
  ['broken', 'answers every access with an error'],
] as const) {
  test(
    `F36 D3c a disk that ${what}: publishing is refused, a running task waits with its ack, and all goes on by itself`,
    disk,
    async () => {
      await using small = await Disk.mount()
      await using house = new House({ database: small.path('lovage.db'), settings: 'taskAcksLate: true' })
      const worker = await house.worker()
      const held = await house.client.sendTask('tasks.hold', ['held'])
      await house.hasRun('began held')
      await house.client.sendTask('tasks.note', ['delayed'], { countdown: 1 })
      await small.trouble(trouble)
      await assert.rejects(
        house.client.sendTask('tasks.note', ['refused'], { publishTimeout: 2 }),
        RejectedByBrokerError,
      )
      house.release()
      await house.hasRun('held')
      // Of a disk that cannot even be read nobody asks for anything that could be refused.
      if (trouble !== 'broken') await worker.says(/takes no writes/)
      await small.trouble(undefined)
      assert.equal(await house.ended(held.id), 'SUCCESS')
      await house.client.sendTask('tasks.note', ['next'])
      await house.hasRun('next')
      await house.hasRun('delayed')
      assert.deepEqual([...house.ran()].sort(), ['began held', 'delayed', 'held', 'next'])
      assert.deepEqual(await stop(worker), { code: 0, signal: null })
    },
  )
}

test('F36 a file that is removed under a running worker: said, the running task ends, and work goes on in a new file', async () => {
  await using house = new House({ settings: 'taskAcksLate: true' })
  const worker = await house.worker()
  await house.client.sendTask('tasks.hold', ['held'])
  await house.hasRun('began held')
  renameSync(house.database, house.path('away.db'))
  await worker.says(/lovage\.db was removed or replaced while it was in use/)
  await worker.says(/Connected to .* again/)
  house.release()
  await house.hasRun('held')
  await using later = new House({ database: house.database })
  const next = await later.client.sendTask('tasks.note', ['next'])
  await house.hasRun('next')
  assert.equal(await later.ended(next.id), 'SUCCESS')
  assert.deepEqual(await stop(worker), { code: 0, signal: null })
})

test('F36 D06 what an I/O error refused is not taken for accepted when it is published again', disk, async () => {
  await using small = await Disk.mount()
  await using rig = await connect(small.path('queue.db'))
  await publish(rig.connection, 'before')
  await small.trouble('broken')
  for (let i = 0; i < 3; i++) {
    await assert.rejects(publish(rig.connection, 'x', 'same'), RejectedByBrokerError)
  }
  await small.trouble(undefined)
  await publish(rig.connection, 'x', 'same')
  assert.equal((await rig.connection.stats(QUEUE)).ready, 2)
})

test(
  'F36 a watch hears of what was stored before its disk answered with errors and its file was opened anew',
  disk,
  async () => {
    await using small = await Disk.mount()
    const path = small.path('results.db')
    const clock = new HandClock()
    await using backend = sqliteBackend(path, { runtime: runtimeOn(clock), durability: 'os', local: EVERYBODY_LIVES })
    const heard: unknown[] = []
    const over = new AbortController()
    const watching = (async () => {
      for await (const { result } of backend.watch([taskId('t')], over.signal)) heard.push(result)
    })()
    await clock.pass(0)
    using other = new RawFile(path)
    other.insert({ task_id: 't', status: 'SUCCESS', result: pickle('stored') })
    await small.trouble('broken')
    await clock.pass(10_000)
    await small.trouble(undefined)
    await clock.pass(10_000)
    assert.deepEqual(heard, ['stored'])
    over.abort()
    await watching
  },
)

for (const [what, damage] of [
  ['truncated', (path: string) => truncateSync(path, 4096 * 3)],
  ['overwritten in the middle', (path: string) => overwriteTables(path)],
] as const) {
  test(`F36 D3d a file that is ${what} under a running worker ends it with 74, and is kept`, async () => {
    await using house = new House()
    const worker = await house.worker()
    const sent = []
    for (let i = 0; i < 50; i++) sent.push(await house.client.sendTask('tasks.note', [`n${i}`]))
    // Nothing must be on its way: what is in the log beside the file hides what is wrong with the file.
    for (const { id } of sent) await house.ended(id)
    await eventually('the queue to be empty', async () => ((await house.queue())?.held === 0 ? true : undefined))
    await eventually('the log to be written back', async () => checkpoint(house.database))
    damage(house.database)
    assert.equal((await worker.end()).code, 74)
    assert.match(worker.stderr, /malformed.*Start again: the file is checked and, if damaged, kept aside/)
    const again = house.spawn()
    assert.equal((await again.end()).code, 74)
    const aside = readdirSync(house.folder).find(name => /^lovage\.db\.damaged-\d+$/.test(name))
    assert.ok(aside, `nothing was kept aside: ${readdirSync(house.folder)}`)
    assert.match(again.stderr, new RegExp(`LVG_SQLITE_DAMAGED: .*lovage sqlite recover .*${aside}`))
  })
}

test('F36 D3d a file that is replaced by garbage under a running worker is kept aside, and said to be damaged', async () => {
  await using house = new House()
  const worker = await house.worker()
  await house.client.sendTask('tasks.note', ['before'])
  await house.hasRun('before')
  checkpoint(house.database)
  const garbage = Buffer.alloc(65_536, 0xaa)
  renameSync(house.database, house.path('away.db'))
  writeFileSync(house.database, garbage)
  const aside = await eventually('the garbage to be kept aside', async () =>
    readdirSync(house.folder).find(name => /^lovage\.db\.damaged-\d+$/.test(name)),
  )
  assert.deepEqual(readFileSync(house.path(aside)), garbage)
  await worker.says(new RegExp(`was damaged; it was kept as .*${aside}`))
})

test('F36 D20 eight processes that hammer one file: nothing is lost, and nothing is acked twice', async () => {
  await using house = new House()
  const clerk = new URL('./children/clerk.js', import.meta.url).pathname
  const codes = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const child = spawn(process.execPath, [clerk, house.path('queue.db'), 'full', '10'], {
        stdio: ['ignore', 'inherit', 'inherit'],
      })
      return (await once(child, 'exit'))[0]
    }),
  )
  assert.deepEqual(codes, new Array(8).fill(0))
  const notes = readFileSync(house.path('notes'), 'utf8').trim().split('\n')
  const acked = notes.filter(line => line.startsWith('acked ')).map(line => line.slice(6))
  const accepted = notes.filter(line => line.startsWith('accepted ')).map(line => line.slice(9))
  await using rig = await connect(house.path('queue.db'))
  const left = (await rig.connection.get(QUEUE, 10_000)).map(delivery => textOf(delivery).split(' ')[0] ?? '')
  assert.equal(new Set(acked).size, acked.length)
  assert.deepEqual([...acked, ...left].sort(), accepted.sort())
})

/** True when all that was committed stands in the file itself. */
function checkpoint(path: string): true | undefined {
  const db = new Database(path, { durability: 'os' })
  const done = db.get('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  return done?.['busy'] === 0 ? true : undefined
}

/** Every page but the first; then a commit that needs no other, so that whoever has others in memory reads them anew. */
function overwriteTables(path: string): void {
  const db = new Database(path, { durability: 'os' })
  db.get('PRAGMA user_version')
  const bytes = statSync(path).size - 4096
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0xaa), 0, bytes, 4096)
  db.exec('PRAGMA user_version = 1')
  db.close()
  closeSync(file)
}
