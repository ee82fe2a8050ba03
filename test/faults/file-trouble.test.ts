import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { type TestOptions, test } from 'node:test'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import { Database } from '../../src/drivers/sqlite/database.js'
import { eventually } from '../support/brokers/sqlite-rig.js'
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
      await worker.says(/takes no writes/)
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

for (const [what, damage] of [
  ['truncated', (path: string) => truncateSync(path, 4096 * 3)],
  [
    'replaced by garbage',
    (path: string) => {
      renameSync(path, `${path}.away`)
      writeFileSync(path, Buffer.alloc(65_536, 0xaa))
    },
  ],
  ['overwritten in the middle', (path: string) => overwriteTables(path)],
] as const) {
  test(`F36 D3d a file that is ${what} under a running worker ends it with 74, and is kept`, async () => {
    await using house = new House()
    const worker = await house.worker()
    for (let i = 0; i < 50; i++) await house.client.sendTask('tasks.note', [`n${i}`])
    await house.hasRun('n49')
    checkpoint(house.database)
    damage(house.database)
    const { code } = await worker.end()
    console.log(worker.stderr.split('\n').slice(-8).join('\n'), readdirSync(house.folder), code)
    assert.equal(code, 74)
  })
}

function checkpoint(path: string): void {
  const db = new Database(path, { durability: 'os' })
  db.get('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
}

/** Every page but the first. */
function overwriteTables(path: string): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(4096 * 8, 0xaa), 0, 4096 * 8, 4096)
  closeSync(file)
}
