import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from '../../src/drivers/sqlite/database.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { connect, publish, QUEUE, TO, textOf } from '../support/brokers/sqlite-rig.js'

test('D3a a claim that finds the write lock taken for longer than SQLite waits gets its messages when it is free', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path, { busyTimeoutMs: 50 })
  await publish(rig.connection, 'x')
  const other = new Database(path, { durability: 'os' })
  other.exec('BEGIN IMMEDIATE')
  const claiming = rig.connection.get(QUEUE, 10)
  await new Promise(resolve => setTimeout(resolve, 80))
  assert.equal(
    other.get<{ readonly held: number }>('SELECT count(*) AS held FROM lovage_message WHERE state = 1')?.held,
    0,
  )
  other.exec('COMMIT')
  other.close()
  assert.deepEqual((await claiming).map(textOf), ['x'])
})

test('D3a a claim takes the highest priorities first, and the oldest of each', async () => {
  using folder = temporaryFolder()
  await using rig = await connect(join(folder.path, 'queue.db'))
  for (const [i, priority] of [1, 9, 5, 9].entries()) {
    const message = { headers: {}, properties: { priority }, body: Buffer.from(`${i}: ${priority}`) }
    await rig.connection.publish(message, TO, { publishId: `p${i}` })
  }
  assert.deepEqual((await rig.connection.get(QUEUE, 3)).map(textOf), ['1: 9', '3: 9', '2: 5'])
  assert.deepEqual((await rig.connection.get(QUEUE, 3)).map(textOf), ['0: 1'])
})

test('D21 acks that are asked together are judged each by itself', async () => {
  using folder = temporaryFolder()
  await using rig = await connect(join(folder.path, 'queue.db'))
  for (const body of ['a', 'b', 'c']) await publish(rig.connection, body)
  const first = await rig.connection.get(QUEUE, 2)
  const [c] = await rig.connection.get(QUEUE, 1)
  const [a, b] = first
  await a?.ack()
  assert.deepEqual(await Promise.all([a?.ack(), b?.ack(), b?.ack(), c?.ack()]), [
    'stale',
    'settled',
    'stale',
    'settled',
  ])
  assert.equal((await rig.connection.stats(QUEUE)).held, 0)
})
