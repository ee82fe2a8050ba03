import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { standStill } from '../../../src/lib/stand-still.js'
import { HandClock } from '../../../src/testing/hand-clock.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'
import { connect, eventually, publish, QUEUE } from './rig.js'

/* Leases as users have them: kept by a thread. */

const missing = redisServerMissing()
const skip = missing === undefined ? {} : { skip: missing }
const SHORT = { leaseMs: 4000, renewMs: 500 }

test('D24 a loop blocked for three leases loses nothing, while others sweep', skip, async () => {
  await using server = await privateRedis()
  await using holder = await connect(server.url, SHORT)
  await using other = await connect(server.url, SHORT)
  await holder.connection.declare({ queues: [{ name: QUEUE }] })
  await publish(holder.connection, 'x')
  await publish(holder.connection, 'y')
  const [delivery] = await holder.connection.get(QUEUE, 1)
  const [theirs] = await other.connection.get(QUEUE, 1)
  const client = await server.client()
  const ends = async (): Promise<readonly number[]> => {
    const all = await client.zrange('lovage.lease', 0, '-1', 'WITHSCORES')
    return all.filter((_, at) => at % 2 === 1).map(Number)
  }
  const first = Math.max(...(await ends()))
  // Both threads are up, and so both sweep, once they have renewed.
  await eventually('two renewals', async () => {
    const now = await ends()
    return now.length === 2 && now.every(end => end > first) ? true : undefined
  })
  standStill(3 * SHORT.leaseMs)
  assert.deepEqual(await other.connection.get(QUEUE, 1), [])
  assert.deepEqual([await delivery?.current(), await theirs?.current()], [true, true])
  assert.equal(await delivery?.ack(), 'settled')
})

test('D23 what a killed process held comes back, in order, as a fault', skip, async () => {
  await using server = await privateRedis()
  await using other = await connect(server.url, SHORT)
  await other.connection.declare({ queues: [{ name: QUEUE }] })
  for (let i = 0; i < 3; i++) await publish(other.connection, String(i))
  const child = spawn(process.execPath, [new URL('./children/holder.js', import.meta.url).pathname, server.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [said] = await once(child.stdout, 'data')
    assert.equal(String(said), '3\n')
    assert.deepEqual(await other.connection.get(QUEUE, 1), [])
    child.kill('SIGKILL')
    await eventually('three messages', async () =>
      (await other.connection.stats(QUEUE)).ready === 3 ? true : undefined,
    )
    const deliveries = await other.connection.get(QUEUE, 3)
    assert.deepEqual(
      deliveries.map(({ message, faults, redelivered }) => [String(message.body), faults, redelivered]),
      [
        ['0', 1, true],
        ['1', 1, true],
        ['2', 1, true],
      ],
    )
  } finally {
    child.kill('SIGKILL')
  }
})

test('an idle consumer costs at most ten commands a second', skip, async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url)
  const names = ['a', 'b', 'c'].map(name => ({ name: name as typeof QUEUE }))
  await rig.connection.consume(names, 10)
  const client = await server.client()
  const count = async (): Promise<number> => {
    const info = await client.info('stats')
    return Number(/total_commands_processed:(\d+)/.exec(info)?.[1])
  }
  await new Promise(resolve => setTimeout(resolve, 1500))
  const before = await count()
  await new Promise(resolve => setTimeout(resolve, 4000))
  // Scripts count their inner commands, too: three for each look.
  assert.ok((await count()) - before <= 4 * 30, `${(await count()) - before} in four seconds`)
})

test('a priority that is not peeked at, and a second queue, wake a consumer all the same', skip, async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url)
  await using sender = await connect(server.url)
  const other = 'other' as typeof QUEUE
  const consumer = await rig.connection.consume([{ name: QUEUE }, { name: other }], 10)
  const seen: string[] = []
  const reading = (async () => {
    for await (const batch of consumer) for (const delivery of batch) seen.push(String(delivery.message.body))
  })()
  for (const [routingKey, priority] of [
    [QUEUE, 9],
    [other, 0],
    [QUEUE, 0],
  ] as const) {
    const message = { headers: {}, properties: { priority }, body: Buffer.from(`${routingKey}${priority}`) }
    const had = seen.length
    await sender.connection.publish(message, { exchange: '', routingKey }, { publishId: `${routingKey}${priority}` })
    await eventually('a delivery', async () => (seen.length > had ? true : undefined))
  }
  await consumer[Symbol.asyncDispose]()
  await reading
  assert.deepEqual(seen, ['tasks9', 'other0', 'tasks0'])
})

test('who publishes to a queue that it consumes itself looks there at once', skip, async () => {
  await using server = await privateRedis()
  // Time stands still: nothing is looked at because time has passed.
  await using rig = await connect(server.url, { runtime: { ...nodeRuntime(), clock: new HandClock() } })
  const other = 'other' as typeof QUEUE
  const consumer = await rig.connection.consume([{ name: QUEUE }, { name: other }], 10)
  const client = await server.client()
  await eventually('the peek at the first queue', async () =>
    /blocked_clients:1\r/.test(await client.info('clients')) ? true : undefined,
  )
  const message = { headers: {}, properties: {}, body: Buffer.from('x') }
  await rig.connection.publish(message, { exchange: '', routingKey: other }, { publishId: 'x' })
  for await (const [delivery] of consumer) {
    assert.equal(delivery?.queue, other)
    await delivery?.ack()
    break
  }
})
