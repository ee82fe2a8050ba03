import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Connection } from '../../../src/brokers/broker.js'
import { BrokerError } from '../../../src/brokers/errors.js'
import { standStill } from '../../../src/lib/stand-still.js'
import { ChaosProxy } from '../../../src/testing/chaos/chaos-proxy.js'
import { Reader } from '../../../src/testing/conformance/broker-bench.js'
import { AmqpRig, someQueue, textOf } from '../../support/brokers/amqp-rig.js'
import { freePort } from '../../support/services/free-port.js'
import { eventually, openRabbitMq } from '../../support/services/rabbitmq.js'

/* Connections whose liveness is kept on a thread (drivers/amqp/guard.ts). */

const rabbit = await openRabbitMq('guarded')
after(() => rabbit[Symbol.asyncDispose]())

function guarded(rig: AmqpRig): Promise<Connection> {
  return rig.broker.connect({ name: 'guarded@test', guarded: true })
}

test(
  'F07 H47 D24 a blocked event loop costs a guarded connection nothing, and others their messages',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(`${rabbit.url}?heartbeat=1`)
    const [kept, dropped] = [await guarded(rig), await rig.connect()]
    const [queue, other] = [someQueue(), someQueue()]
    const reader = new Reader(await kept.consume([queue], 1))
    const loser = new Reader(await dropped.consume([other], 1))
    await rig.publish(kept, queue.name, 'held')
    await rig.publish(kept, other.name, 'lost')
    await eventually('both', () => reader.deliveries.length === 1 && loser.deliveries.length === 1)
    standStill(5000)
    const reason = await dropped.closed
    assert.equal(reason.kind, 'lost')
    assert.equal(await reader.deliveries[0]?.ack(), 'settled')
    await rig.publish(kept, queue.name, 'next')
    await eventually('the next', () => reader.texts.includes('next'))
    assert.deepEqual(
      reader.deliveries.map(delivery => delivery.redelivered),
      [false, false],
    )
    await reader.deliveries[1]?.ack()
    assert.equal((await kept.stats(queue.name)).ready, 0)
  },
)

test('H03 D86 a guarded connection that falls silent is noticed by its heartbeat', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(`${proxy.url}?heartbeat=1`)
  const connection = await guarded(rig)
  const reader = new Reader(await connection.consume([someQueue()], 10))
  proxy.blackhole()
  const reason = await connection.closed
  assert.ok(reason.kind === 'lost')
  assert.match(reason.error.message, /[Hh]eartbeat/)
  await eventually('the end of iteration', () => reader.ended)
})

test('a quiet guarded connection lives on with an event loop that turns', rabbit.needed, async () => {
  await using rig = new AmqpRig(`${rabbit.url}?heartbeat=1`)
  const connection = await guarded(rig)
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  let ended = false
  void connection.closed.then(() => {
    ended = true
  })
  await new Promise(resolve => setTimeout(resolve, 4000))
  assert.equal(ended, false)
  assert.equal((await connection.stats(queue.name)).ready, 0)
})

test(
  'what is more than the system keeps for a blocked loop stays with the server, and comes in order',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(`${rabbit.url}?heartbeat=1`)
    const [connection, publisher] = [await guarded(rig), await rig.connect()]
    const queue = someQueue()
    await connection.declare({ queues: [queue] })
    const large = (n: number): string => `${n}:${'x'.repeat(1024 * 1024)}`
    const count = 30
    for (let n = 0; n < count; n++) await rig.publish(publisher, queue.name, large(n))
    const reader = new Reader(await connection.consume([queue], 0))
    standStill(5000)
    await eventually('all of it', () => reader.deliveries.length === count)
    assert.deepEqual(
      reader.deliveries.map(delivery => textOf(delivery).split(':')[0]),
      Array.from({ length: count }, (_, n) => String(n)),
    )
    const settled = await Promise.all(reader.deliveries.map(delivery => delivery.ack()))
    assert.ok(settled.every(one => one === 'settled'))
  },
)

test('what is sent while the server reads slowly waits, and arrives whole', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(`${proxy.url}?heartbeat=2`)
  const connection = await guarded(rig)
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  proxy.delay(20)
  const bodies = Array.from({ length: 40 }, (_, n) => `${n}:${'y'.repeat(300_000)}`)
  await Promise.all(bodies.map(body => rig.publish(connection, queue.name, body)))
  assert.equal((await connection.stats(queue.name)).ready, bodies.length)
})

test('a guarded connection leaves no thread and no descriptor behind', rabbit.needed, async t => {
  if (process.platform !== 'linux') return t.skip('threads and descriptors are counted in /proc')
  await using rig = new AmqpRig(rabbit.url)
  const count = (): readonly number[] => ['task', 'fd'].map(what => readdirSync(`/proc/self/${what}`).length)
  const once = async (): Promise<void> => {
    const connection = await guarded(rig)
    const consumer = await connection.consume([someQueue()], 1)
    await rig.publish(connection, someQueue().name, 'nobody').catch(() => undefined)
    await consumer[Symbol.asyncDispose]()
    await connection[Symbol.asyncDispose]()
  }
  await once()
  await once()
  const settled = count()
  for (let n = 0; n < 5; n++) await once()
  await eventually('everything to be gone', () => count().every((now, i) => now <= (settled[i] as number)))
})

test('a guarded connection is refused as any other', rabbit.needed, async () => {
  const closed = `amqp://guest:guest@127.0.0.1:${await freePort()}/`
  const wrongs = [
    closed,
    'amqp://guest:guest@nowhere.invalid/',
    rabbit.urlAs('guest', 'wrong'),
    rabbit.url.replace(/\/[^/]*$/, '/no-such-vhost'),
  ]
  for (const url of wrongs) {
    await using rig = new AmqpRig(url)
    const [plain, behind] = await Promise.all([refusal(rig.connect()), refusal(guarded(rig))])
    assert.deepEqual([behind.code, behind.message], [plain.code, plain.message])
  }
})

async function refusal(connecting: Promise<Connection>): Promise<BrokerError> {
  const error: unknown = await connecting.then(
    () => undefined,
    cause => cause,
  )
  assert.ok(error instanceof BrokerError, String(error))
  return error
}

test('connecting is given up with the signal, and leaves nothing open', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  proxy.blackhole()
  await using rig = new AmqpRig(proxy.url)
  await assert.rejects(
    rig.broker.connect({ name: 'late@test', guarded: true }, AbortSignal.timeout(300)),
    (error: unknown) => error instanceof BrokerError,
  )
})
