import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../../src/brokers/broker.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../src/brokers/memory/memory-queue-store.js'
import { queueName } from '../../src/protocol/ids.js'
import { HandClock } from '../support/hand-clock.js'

const QUEUE = queueName('q')
const RANDOM = { next: () => 0, bytes: (n: number) => new Uint8Array(n) }

/** A store with a clock of its own, and processes on it, each with its own clock, too. */
function memoryWorld() {
  const server = new HandClock()
  const clocks = [server]
  const store = new MemoryQueueStore({ clock: server, random: RANDOM })
  const start = async (name: string): Promise<{ clock: HandClock; connection: Connection }> => {
    const clock = new HandClock()
    clocks.push(clock)
    const connection = await createMemoryBroker({ runtime: { clock, random: RANDOM }, store }).connect({ name })
    await connection.declare({ queues: [{ name: QUEUE }] })
    return { clock, connection }
  }
  const pass = async (ms: number, except?: HandClock): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      for (const clock of clocks) if (clock !== except) await clock.pass(500)
    }
  }
  return { store, clocks, start, pass }
}

async function publish(connection: Connection, publishId = 'p'): Promise<void> {
  const message = { headers: {}, properties: {}, body: Buffer.from('x') }
  await connection.publish(message, { exchange: '', routingKey: QUEUE }, { publishId })
}

test('D23 a process whose clock stands still loses its messages within 25 s, counted, and no earlier than its lease', async () => {
  const world = memoryWorld()
  const dead = await world.start('dead@h')
  const other = await world.start('other@h')
  await publish(other.connection)
  await dead.connection.get(QUEUE, 1)
  await world.pass(19_500, dead.clock)
  assert.equal((await other.connection.stats(QUEUE)).held, 1)
  await world.pass(5_500, dead.clock)
  const [delivery] = await other.connection.get(QUEUE, 1)
  assert.equal(delivery?.faults, 1)
})

test('D24 when everything stood still for ten leases, nobody is taken for dead', async () => {
  const world = memoryWorld()
  const holder = await world.start('holder@h')
  const other = await world.start('other@h')
  await publish(other.connection)
  const [delivery] = await holder.connection.get(QUEUE, 1)
  for (const clock of world.clocks) clock.stall(200_000)
  // The other process wakes first and is the first to sweep.
  await other.clock.pass(1_000)
  await world.pass(30_000)
  assert.equal(await delivery?.ack(), 'settled')
  assert.equal(holder.connection.suspect(), false)
})

test('D28 a process that slept through its lease finds its session lost, and says why', async () => {
  const world = memoryWorld()
  const sleeper = await world.start('sleeper@h')
  const other = await world.start('other@h')
  await publish(other.connection)
  const [delivery] = await sleeper.connection.get(QUEUE, 1)
  await world.pass(30_000, sleeper.clock)
  sleeper.clock.stall(30_000)
  assert.equal(sleeper.connection.suspect(), true)
  await sleeper.clock.pass(0)
  const reason = await sleeper.connection.closed
  assert.equal(reason.kind === 'lost' && reason.error.code, 'LVG_LEASE_LOST')
  assert.equal(await delivery?.ack(), 'stale')
  assert.deepEqual((await other.connection.get(QUEUE, 1)).length, 1)
})

test('D28 a sleeper that claims before it notices gets nothing it could never be asked for again', async () => {
  const world = memoryWorld()
  const sleeper = await world.start('sleeper@h')
  const other = await world.start('other@h')
  await world.pass(30_000, sleeper.clock)
  await publish(other.connection)
  await assert.rejects(sleeper.connection.get(QUEUE, 1), { code: 'LVG_CONNECTION_CLOSED' })
  assert.equal((await other.connection.stats(QUEUE)).ready, 1)
})

test('D96 a step of the wall clock loses no lease and makes a delayed message due in its time', async () => {
  const world = memoryWorld()
  const [server] = world.clocks as [HandClock]
  const { connection } = await world.start('a@h')
  await publish(connection)
  const [held] = await connection.get(QUEUE, 1)
  const message = { headers: {}, properties: {}, body: Buffer.from('later') }
  const notBefore = server.now() + 3_600_000
  await connection.publish(message, { exchange: '', routingKey: QUEUE }, { publishId: 'later', notBefore })
  const arrived = (await connection.consume([{ name: QUEUE }], 5))[Symbol.asyncIterator]().next()
  server.step(3_600_000)
  await world.pass(2_000)
  assert.equal(Buffer.from((await arrived).value?.[0]?.message.body ?? '').toString(), 'later')
  server.step(-7_200_000)
  await world.pass(60_000)
  assert.equal(await held?.ack(), 'settled')
})

test('the processes of one store outlive each other', async () => {
  const clock = new HandClock()
  const runtime = { clock, random: RANDOM }
  const store = new MemoryQueueStore(runtime)
  const first = createMemoryBroker({ runtime, store })
  const second = createMemoryBroker({ runtime, store })
  const connection = await second.connect({ name: 'b@h' })
  await connection.declare({ queues: [{ name: QUEUE }] })
  await (await first.connect({ name: 'a@h' }))[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
  await publish(connection)
  assert.equal((await connection.stats(QUEUE)).ready, 1)
  await second[Symbol.asyncDispose]()
})
