import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { Clock } from '../../lib/runtime.js'
import { type QueueName, queueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { BrokerFeatures, CloseReason, Delivery } from '../broker.js'
import { BrokerError, NotSentError, PublishUnknownError, RejectedByBrokerError } from '../errors.js'
import type { Claimed, PushEntry, PushOutcome, StoreSession, Verdict } from './queue-store.js'
import { createVirtualBroker, type VirtualBroker } from './virtual-broker.js'
import { CLAIM_BATCH } from './window.js'

const FEATURES: BrokerFeatures = {
  delays: true,
  publishDedupe: true,
  leases: true,
  exchanges: ['direct'],
  durable: false,
}
const QUEUE = { name: queueName('q') }
const HERE = { exchange: '', routingKey: 'q' }

/** Steady time stands at 100; nothing here waits. */
const CLOCK: Clock = {
  now: () => 0,
  steady: () => 100,
  sleep: () => Promise.reject(new Error('nothing sleeps here')),
  timer: () => assert.fail('nothing sets timers here'),
}

/** A store session that does what a test says and writes down what it was asked. */
class ScriptedSession implements StoreSession {
  readonly ended: Deferred<CloseReason> = deferred()
  readonly closed: Promise<CloseReason> = this.ended.promise
  readonly pushes: (readonly PushEntry[])[] = []
  readonly verdicts: (readonly Verdict[])[] = []
  readonly claims: { readonly queues: readonly QueueName[]; readonly limit: number }[] = []
  /** What the next claims find; after that, nothing. */
  readonly found: (readonly Claimed[] | Promise<readonly Claimed[]>)[] = []
  wakeUp: Deferred<void> = deferred()
  /** Those given to `wake`. */
  readonly signals: AbortSignal[] = []
  trusted = 1_000
  disposed = 0
  answerPush = async (entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> =>
    entries.map(() => ({ kind: 'accepted' }))
  answerSettle = async (verdicts: readonly Verdict[]): Promise<readonly ('settled' | 'stale')[]> =>
    verdicts.map(() => 'settled')

  async declare(): Promise<void> {}
  async consuming(): Promise<void> {}

  push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    this.pushes.push(entries)
    return this.answerPush(entries)
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    this.claims.push({ queues, limit })
    return (await this.found.shift()) ?? []
  }

  settle(verdicts: readonly Verdict[]): Promise<readonly ('settled' | 'stale')[]> {
    this.verdicts.push(verdicts)
    return this.answerSettle(verdicts)
  }

  async current(tokens: readonly string[]): Promise<readonly boolean[]> {
    return tokens.map(() => false)
  }

  async wake(_queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    this.signals.push(signal)
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    await Promise.race([this.wakeUp.promise, aborted])
    this.wakeUp = deferred()
  }

  trustedUntil(): number {
    return this.trusted
  }

  async stats(queue: QueueName) {
    return { queue, ready: 0, held: 0, delayed: 0, consumers: 0 }
  }

  async list() {
    return []
  }

  async bindings() {
    return []
  }

  async purge(): Promise<number> {
    throw new TypeError('disk on fire')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed++
    this.ended.resolve({ kind: 'closed' })
  }
}

function brokerOver(session: ScriptedSession): VirtualBroker {
  const store = { open: async () => session, [Symbol.asyncDispose]: async () => {} }
  return createVirtualBroker({ url: 'scripted://', store, features: FEATURES, runtime: { clock: CLOCK } })
}

async function connected() {
  const session = new ScriptedSession()
  const broker = brokerOver(session)
  const connection = await broker.connect({ name: 'n@h' })
  return { session, broker, connection }
}

function message(bytes = 1): Message {
  return { headers: {}, properties: {}, body: new Uint8Array(bytes) }
}

function claimed(token: string, size = 1): Claimed {
  const claim = Number(token)
  const enqueuedAt = 0
  return {
    token,
    message: message(size),
    queue: QUEUE.name,
    ...HERE,
    redelivered: false,
    faults: 0,
    begun: false,
    claim,
    enqueuedAt,
  }
}

/** Everything that is ready has run, the end of the turn included. */
function settleDown(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

const LOST = new BrokerError('LVG_TEST', 'the thread died', { transient: true })

test('D12 the publishes of one turn are one push', async () => {
  const { session, connection } = await connected()
  await Promise.all(['a', 'b', 'c'].map(publishId => connection.publish(message(), HERE, { publishId, notBefore: 7 })))
  const pushed = session.pushes.map(entries => entries.map(entry => entry.publishId))
  assert.deepEqual(pushed, [['a', 'b', 'c']])
  assert.equal(session.pushes[0]?.[0]?.notBefore, 7)
})

test('L20 no more than a thousand publishes, or 64 MiB, are under way at a time', async () => {
  const { session, connection } = await connected()
  const small = Array.from({ length: 1_500 }, (_, i) => message(i % 2))
  const large = Array.from({ length: 5 }, () => message(20 * 1024 * 1024))
  await Promise.all([...small, ...large].map((one, i) => connection.publish(one, HERE, { publishId: String(i) })))
  assert.deepEqual(
    session.pushes.map(entries => entries.length),
    [1_000, 503, 2],
  )
})

test('D12 the verdicts of one turn are one settle', async () => {
  const { session, connection } = await connected()
  session.found.push([claimed('1'), claimed('2')])
  const [a, b] = await connection.get(QUEUE.name, 2)
  await Promise.all([a?.ack(), b?.requeue({ counted: true, delay: 5 })])
  assert.deepEqual(session.verdicts, [
    [
      { kind: 'ack', token: '1' },
      { kind: 'requeue', token: '2', counted: true, delay: 5 },
    ],
  ])
})

test('D21 stale verdicts are counted', async () => {
  const { session, connection } = await connected()
  session.found.push([claimed('1'), claimed('2')])
  session.answerSettle = async () => ['settled', 'stale']
  const [a, b] = await connection.get(QUEUE.name, 2)
  assert.deepEqual(await Promise.all([a?.ack(), b?.ack()]), ['settled', 'stale'])
  assert.equal(connection.staleVerdicts, 1)
})

test('D06 when the session dies, what was under way is unknown and what had not left is not sent', async () => {
  const { session, connection } = await connected()
  session.answerPush = () => new Promise(() => {})
  const underWay = connection.publish(message(), HERE, { publishId: 'a' })
  await settleDown()
  const waiting = connection.publish(message(), HERE, { publishId: 'b' })
  session.ended.resolve({ kind: 'lost', error: LOST })
  await assert.rejects(underWay, error => error instanceof PublishUnknownError && error.cause === LOST)
  await assert.rejects(waiting, error => error instanceof NotSentError && error.cause === LOST)
  await assert.rejects(connection.publish(message(), HERE, { publishId: 'c' }), NotSentError)
  assert.deepEqual(await connection.closed, { kind: 'lost', error: LOST })
})

test('D06 a publish given up while it is under way is unknown', async () => {
  const { session, connection } = await connected()
  session.answerPush = () => new Promise(() => {})
  const stop = new AbortController()
  const given = connection.publish(message(), HERE, { publishId: 'a', signal: stop.signal })
  await settleDown()
  stop.abort(new Error('publishTimeout'))
  await assert.rejects(given, PublishUnknownError)
})

test('D06 what the store itself says about a push is passed on, anything else is unknown', async () => {
  const { session, connection } = await connected()
  const full = new RejectedByBrokerError('LVG_TEST', 'no space', { transient: true })
  session.answerPush = () => Promise.reject(full)
  await assert.rejects(connection.publish(message(), HERE, { publishId: 'a' }), error => error === full)
  session.answerPush = () => Promise.reject(new TypeError('odd'))
  await assert.rejects(
    connection.publish(message(), HERE, { publishId: 'b' }),
    error => error instanceof PublishUnknownError && error.cause instanceof TypeError,
  )
})

test('a verdict under way when the session dies is an error, one that had not left is stale', async () => {
  const { session, connection } = await connected()
  session.found.push([claimed('1'), claimed('2')])
  const [a, b] = await connection.get(QUEUE.name, 2)
  session.answerSettle = () => new Promise(() => {})
  const underWay = a?.ack()
  await settleDown()
  const waiting = b?.ack()
  session.ended.resolve({ kind: 'lost', error: LOST })
  await assert.rejects(underWay ?? Promise.resolve(), error => error === LOST)
  assert.equal(await waiting, 'stale')
})

test('an error of the store says what was being done and keeps its cause', async () => {
  const { connection } = await connected()
  await assert.rejects(connection.purge(QUEUE.name), error => {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.code, 'LVG_BROKER_FAILED')
    assert.match(error.message, /purging queue 'q'.*disk on fire/)
    assert.ok(error.cause instanceof TypeError)
    return true
  })
})

test('D25 a connection suspects itself from the instant up to which its leases are certain', async () => {
  const { session, connection } = await connected()
  session.trusted = 101
  assert.equal(connection.suspect(), false)
  session.trusted = 100
  assert.equal(connection.suspect(), true)
  session.trusted = Number.POSITIVE_INFINITY
  assert.equal(connection.suspect(), false)
})

test('a consumer claims as much as its window has room for, and no more than a batch', async () => {
  const { session, connection } = await connected()
  const batch = Array.from({ length: CLAIM_BATCH }, (_, i) => claimed(String(i)))
  session.found.push(batch)
  await connection.consume([QUEUE], CLAIM_BATCH + 3)
  await settleDown()
  assert.deepEqual(
    session.claims.map(({ limit }) => limit),
    [CLAIM_BATCH, 3],
  )
})

test('settling a batch leads to one claim for all the room it made', async () => {
  const { session, connection } = await connected()
  session.found.push(['1', '2', '3'].map(token => claimed(token)))
  const consumer = await connection.consume([QUEUE], 3)
  for await (const batch of consumer) {
    await Promise.all(batch.map(delivery => delivery.ack()))
    break
  }
  await settleDown()
  assert.deepEqual(
    session.claims.map(({ limit }) => limit),
    [3, 3],
  )
})

test('a consumer that was given less than it asked for waits to be woken before it asks again', async () => {
  const { session, connection } = await connected()
  session.found.push(
    ['1', '2', '3'].map(token => claimed(token)),
    ['4', '5'].map(token => claimed(token)),
  )
  await connection.consume([QUEUE], 5)
  await settleDown()
  assert.deepEqual([session.claims.length, session.signals.length], [1, 1])
  session.wakeUp.resolve()
  await settleDown()
  // The window is full.
  assert.deepEqual([session.claims.length, session.signals.length], [2, 1])
})

test('what a turn does with what was claimed comes before the wait for more', async () => {
  const { session, connection } = await connected()
  session.found.push([claimed('1')])
  const consumer = await connection.consume([QUEUE], 10)
  const waits: number[] = []
  session.answerSettle = async verdicts => {
    waits.push(session.signals.length)
    return verdicts.map(() => 'settled')
  }
  for await (const [delivery] of consumer) {
    await delivery?.ack()
    break
  }
  await settleDown()
  assert.deepEqual([waits, session.signals.length], [[0], 1])
})

test('a consumer that stops serving a queue in the turn of a claim does not wait for it', async () => {
  const { session, connection } = await connected()
  session.found.push([claimed('1')])
  const consumer = await connection.consume([QUEUE], 10)
  for await (const _batch of consumer) {
    await consumer.cancel(QUEUE.name)
    break
  }
  await settleDown()
  assert.equal(session.signals.length, 0)
})

test('each queue in turn comes first in a claim', async () => {
  const { session, connection } = await connected()
  const other = { name: queueName('r') }
  session.found.push([claimed('1')], [{ ...claimed('2'), queue: other.name }])
  await connection.consume([QUEUE, other], 10)
  await settleDown()
  for (let claims = 1; claims < 3; claims++) {
    session.wakeUp.resolve()
    await settleDown()
  }
  assert.deepEqual(
    session.claims.map(({ queues }) => queues),
    [
      ['q', 'r'],
      ['r', 'q'],
      ['q', 'r'],
    ],
  )
})

test('a consumer waits with one signal until it was needed, then with a fresh one', async () => {
  const { session, connection } = await connected()
  const consumer = await connection.consume([QUEUE], 10)
  await settleDown()
  session.wakeUp.resolve()
  await settleDown()
  assert.equal(session.signals.length, 2)
  assert.equal(session.signals[1], session.signals[0])
  await consumer.add({ name: queueName('other') })
  await settleDown()
  assert.equal(session.signals.length, 3)
  assert.deepEqual([session.signals[0]?.aborted, session.signals[2]?.aborted], [true, false])
})

test('D87 a delivery that turns out to be lost leaves the window', async () => {
  const { session, connection } = await connected()
  session.found.push([claimed('1')])
  const consumer = await connection.consume([QUEUE], 1)
  for await (const [delivery] of consumer) {
    assert.equal(await delivery?.current(), false)
    break
  }
  await settleDown()
  assert.equal(session.claims.length, 2)
})

test('L10 a connection that holds 256 MiB claims nothing until something is settled, by any of its consumers', async () => {
  const { session, connection } = await connected()
  const heavy = 100 * 1024 * 1024
  session.found.push(['1', '2', '3'].map(token => claimed(token, heavy)))
  const deliveries: Delivery[] = []
  const first = await connection.consume([QUEUE], 10)
  for await (const batch of first) {
    deliveries.push(...batch)
    break
  }
  await connection.consume([QUEUE], 10)
  await settleDown()
  assert.equal(session.claims.length, 1)
  await deliveries[0]?.ack()
  await settleDown()
  assert.ok(session.claims.length > 1)
})

test('D82 a claim under way when its consumer closes is handed back uncounted', async () => {
  const { session, connection } = await connected()
  const late = deferred<readonly Claimed[]>()
  session.found.push(late.promise)
  const consumer = await connection.consume([QUEUE], 5)
  const closed = consumer[Symbol.asyncDispose]()
  await settleDown()
  late.resolve([claimed('1')])
  await closed
  assert.deepEqual(session.verdicts, [[{ kind: 'requeue', token: '1', counted: false, delay: undefined }]])
})

test('a message of a queue that was cancelled while it was claimed is handed back', async () => {
  const { session, connection } = await connected()
  const late = deferred<readonly Claimed[]>()
  session.found.push(late.promise)
  const consumer = await connection.consume([QUEUE, { name: queueName('r') }], 5)
  await settleDown()
  await consumer.cancel(QUEUE.name)
  late.resolve([claimed('1'), { ...claimed('2'), queue: queueName('r') }])
  await settleDown()
  assert.deepEqual(session.verdicts, [[{ kind: 'requeue', token: '1', counted: false, delay: undefined }]])
  for await (const batch of consumer) {
    assert.deepEqual(
      batch.map(delivery => delivery.queue),
      ['r'],
    )
    break
  }
})

test('a claim that fails loses the connection, and the reason is told', async () => {
  const { session, connection } = await connected()
  session.found.push(Promise.reject(new TypeError('odd')))
  const consumer = await connection.consume([QUEUE], 5)
  for await (const _ of consumer) assert.fail('nothing was claimed')
  const reason = await connection.closed
  assert.equal(reason.kind === 'lost' && reason.error.code, 'LVG_BROKER_FAILED')
  await settleDown()
  assert.equal(session.disposed, 1)
})

test('closing a connection that was lost meanwhile ends, whatever never answered', async () => {
  const { session, connection } = await connected()
  session.found.push(new Promise(() => {}))
  session.answerPush = () => new Promise(() => {})
  await connection.consume([QUEUE], 5)
  const published = connection.publish(message(), HERE, { publishId: 'a' })
  const closing = connection[Symbol.asyncDispose]()
  await settleDown()
  session.ended.resolve({ kind: 'lost', error: LOST })
  await closing
  await assert.rejects(published, PublishUnknownError)
})

test('a disposed broker closes its connections and makes no more', async () => {
  const { session, broker, connection } = await connected()
  await broker[Symbol.asyncDispose]()
  await broker[Symbol.asyncDispose]()
  assert.deepEqual(await connection.closed, { kind: 'closed' })
  assert.equal(session.disposed, 1)
  await assert.rejects(broker.connect({ name: 'late@h' }), { code: 'LVG_CONNECTION_CLOSED' })
})
