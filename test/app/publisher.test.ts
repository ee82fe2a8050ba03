import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/app/outgoing.js'
import { Publisher, type PublisherOptions } from '../../src/app/publisher.js'
import {
  BrokerError,
  NotSentError,
  PublishUnknownError,
  RejectedByBrokerError,
  UnroutableError,
} from '../../src/brokers/errors.js'
import { ConfigError } from '../../src/lib/errors.js'
import { queueName, taskId } from '../../src/protocol/ids.js'
import { type HandRuntime, handRuntime } from './hand-runtime.js'
import { ScriptedBroker } from './scripted-broker.js'

interface Bench {
  readonly broker: ScriptedBroker
  readonly runtime: HandRuntime
  readonly publisher: Publisher
}

const RETRY = { maxRetries: 3, intervalStart: 0, intervalStep: 200, intervalMax: 1000 }

function bench(options: Partial<PublisherOptions> = {}, broker: ScriptedBroker = new ScriptedBroker()): Bench {
  const runtime = handRuntime()
  const publisher = new Publisher({
    runtime,
    name: 'gen7@here',
    broker: async () => broker,
    timeout: 5000,
    connectTimeout: 4000,
    retry: RETRY,
    maxPending: 1000,
    maxPendingBytes: 64 * 1024 * 1024,
    hearsAnswers: true,
    ...options,
  })
  return { broker, runtime, publisher }
}

function outgoing(id: string, bytes = 10, queue = 'celery'): Outgoing {
  const name = queueName(queue)
  return {
    message: { headers: { id }, properties: {}, body: new Uint8Array(bytes) },
    to: { exchange: '', routingKey: name },
    queue: { name },
    publishId: id,
    notBefore: undefined,
  }
}

/** What became of a promise so far. */
function watched(promise: Promise<unknown>): { end: string; error: unknown } {
  const seen: { end: string; error: unknown } = { end: 'open', error: undefined }
  promise.then(
    () => {
      seen.end = 'accepted'
    },
    error => {
      seen.end = 'failed'
      seen.error = error
    },
  )
  return seen
}

const lost = new BrokerError('LVG_TEST', 'connection lost', { transient: true })
const unanswered = new PublishUnknownError('LVG_TEST', 'connection lost before the answer', { transient: true })
const ids = (broker: ScriptedBroker): unknown[] => broker.published.map(published => published.options.publishId)

test('D01 a publish resolves when the broker has answered, and not before', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => 'wait'
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(100)
  assert.equal(seen.end, 'open')
  broker.published[0]?.answer.resolve()
  await runtime.clock.pass(0)
  assert.equal(seen.end, 'accepted')
})

test('one connection serves all, and each queue is declared on it once, before the first message', async () => {
  const { broker, publisher } = bench()
  broker.onPublish = ({ to }) => {
    assert.ok(broker.declared.includes(to.routingKey))
    return undefined
  }
  await Promise.all([
    publisher.publish(outgoing('a')),
    publisher.publish(outgoing('b', 10, 'mail')),
    publisher.publish(outgoing('c')),
  ])
  assert.equal(broker.connects, 1)
  assert.deepEqual(broker.declared, ['celery', 'mail'])
})

test('D07 messages go out in the order in which they were given, whatever they wait for', async () => {
  const { broker, publisher } = bench()
  const all = ['a', 'b', 'c', 'd'].map((id, i) => publisher.publish(outgoing(id, 10, i % 2 === 0 ? 'even' : 'odd')))
  await Promise.all(all)
  assert.deepEqual(ids(broker), ['a', 'b', 'c', 'd'])
})

test('D04 refused again and again: not sent, after the retries and within the timeout', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onConnect.push('refuse', 'refuse', 'refuse', 'refuse')
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(5000)
  assert.ok(seen.error instanceof NotSentError)
  assert.equal(seen.error.code, 'LVG_NOT_SENT')
  assert.match(seen.error.message, /connection refused/)
  assert.equal(broker.connects, 4)
})

test('D04 a connection that never comes: not sent, at the timeout', async () => {
  const { broker, runtime, publisher } = bench({ connectTimeout: undefined })
  broker.onConnect.push('hang')
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(4999)
  assert.equal(seen.end, 'open')
  await runtime.clock.pass(1)
  assert.ok(seen.error instanceof NotSentError)
  assert.match(seen.error.message, /within 5 s/)
})

test('D04 an attempt to connect that hangs is given up, so that the next one can succeed', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onConnect.push('hang')
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(4500)
  assert.equal(seen.end, 'accepted')
  assert.equal(broker.connects, 2)
})

test('D04 a broker that accepts nothing more: unknown, at the timeout', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => 'wait'
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(5000)
  assert.ok(seen.error instanceof PublishUnknownError)
  assert.equal(seen.error.code, 'LVG_PUBLISH_UNKNOWN')
})

test('D04 a declaration without an answer: not sent, and the next message gets a new connection', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onDeclare.push('hang')
  const first = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(5000)
  assert.ok(first.error instanceof NotSentError)
  const second = watched(publisher.publish(outgoing('b')))
  await runtime.clock.pass(0)
  assert.equal(second.end, 'accepted')
  assert.equal(broker.connects, 2)
})

test('D04 a shorter timeout of one call does not wait for the others', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => 'wait'
  const long = watched(publisher.publish(outgoing('a')))
  const short = watched(publisher.publish(outgoing('b'), { timeout: 1000 }))
  await runtime.clock.pass(1000)
  assert.equal(short.end, 'failed')
  assert.equal(long.end, 'open')
  await runtime.clock.pass(4000)
  assert.equal(long.end, 'failed')
})

test('D01 what is answered has been accepted, and nothing is left of it', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => 'wait'
  const [a, b] = ['a', 'b'].map(id => watched(publisher.publish({ ...outgoing(id), answeredAs: taskId(`task-${id}`) })))
  await runtime.clock.pass(0)
  publisher.answered('task-a')
  publisher.answered('task-of-somebody-else')
  await runtime.clock.pass(0)
  assert.deepEqual([a?.end, b?.end], ['accepted', 'open'])
  // Its own confirmation changes nothing any more, nor does a second answer.
  broker.published[0]?.answer.reject(unanswered)
  publisher.answered('task-a')
  await runtime.clock.pass(5000)
  assert.deepEqual([a?.end, b?.end], ['accepted', 'failed'])
  assert.deepEqual(ids(broker), ['a', 'b'])
})

test('D04 no timer is left when everything has settled', async () => {
  const { broker, runtime, publisher } = bench()
  const live = new Set<Disposable>()
  const { clock } = runtime
  const timer = clock.timer.bind(clock)
  clock.timer = (ms, ring) => {
    const inner = timer(ms, () => {
      live.delete(inner)
      ring()
    })
    live.add(inner)
    return {
      [Symbol.dispose]() {
        live.delete(inner)
        inner[Symbol.dispose]()
      },
    }
  }
  broker.onPublish = ({ options }) =>
    options.publishId === 'b' ? new RejectedByBrokerError('LVG_TEST', 'full', { transient: false }) : undefined
  await publisher.publish(outgoing('a'))
  await assert.rejects(publisher.publish(outgoing('b')))
  assert.equal(live.size, 0)
})

test('D05 a passing failure is tried again with the same ids, after 0, 0.2, 0.4 seconds', async () => {
  const { broker, runtime, publisher } = bench()
  const times: number[] = []
  broker.onPublish = () => {
    times.push(runtime.clock.steady())
    return times.length < 4 ? new RejectedByBrokerError('LVG_TEST', 'queue full', { transient: true }) : undefined
  }
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(2000)
  assert.equal(seen.end, 'accepted')
  assert.deepEqual(times, [0, 0, 200, 600])
  assert.deepEqual(ids(broker), ['a', 'a', 'a', 'a'])
})

test('D05 after the last retry the refusal itself comes out', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => new RejectedByBrokerError('LVG_TEST', 'queue full', { transient: true })
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(2000)
  assert.ok(seen.error instanceof RejectedByBrokerError)
  assert.equal(broker.published.length, 4)
})

test('D05 without retry a publish is tried once', async () => {
  const { broker, runtime, publisher } = bench({ retry: undefined })
  broker.onPublish = () => new RejectedByBrokerError('LVG_TEST', 'queue full', { transient: true })
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(0)
  assert.equal(seen.end, 'failed')
  assert.equal(broker.published.length, 1)
})

test('D05 a refusal that waiting does not cure is not repeated', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => new RejectedByBrokerError('LVG_TEST', 'not allowed', { transient: false })
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(0)
  assert.ok(seen.error instanceof RejectedByBrokerError)
  assert.equal(broker.published.length, 1)
})

test('D05 a connection lost before the answer: sent again on a new one with the same publish id', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = ({ connection }) => (connection === 1 ? 'wait' : undefined)
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(10)
  broker.cut(unanswered)
  await runtime.clock.pass(500)
  assert.equal(seen.end, 'accepted')
  assert.deepEqual(ids(broker), ['a', 'a'])
  assert.deepEqual(broker.declared, ['celery', 'celery'])
})

test('D06 when an attempt got no answer, later refusals to connect do not make it certain', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => 'wait'
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(10)
  broker.onConnect.push('refuse', 'refuse', 'refuse', 'refuse')
  broker.cut(unanswered)
  await runtime.clock.pass(5000)
  assert.ok(seen.error instanceof PublishUnknownError)
})

test('D06 a wrong password is told at once, as not sent', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onConnect.push('forbid')
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(0)
  assert.ok(seen.error instanceof NotSentError)
  assert.equal(seen.error.transient, false)
  assert.match(seen.error.message, /wrong password/)
})

test('D06 a mistake in the configuration comes out as it is', async () => {
  const mistake = new ConfigError('LVG_UNKNOWN_SCHEME', 'no such scheme')
  const { runtime, publisher } = bench({ broker: () => Promise.reject(mistake) })
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(0)
  assert.equal(seen.error, mistake)
})

test('D03 a message that reaches no queue is refused; a queue that was declared is declared again first', async () => {
  const { broker, runtime, publisher } = bench()
  const unroutable = new UnroutableError('LVG_UNROUTABLE', 'no queue', { transient: false })
  await publisher.publish(outgoing('a'))
  broker.onPublish = () => unroutable
  const seen = watched(publisher.publish(outgoing('b')))
  await runtime.clock.pass(0)
  assert.equal(seen.error, unroutable)
  assert.deepEqual(broker.declared, ['celery', 'celery'])
  assert.equal(broker.published.length, 3)
})

test('D33 messages that were under way together when their queue was deleted are all sent again', async () => {
  const { broker, runtime, publisher } = bench()
  await publisher.publish(outgoing('a'))
  broker.onPublish = () => 'wait'
  const all = ['b', 'c', 'd'].map(id => watched(publisher.publish(outgoing(id))))
  await runtime.clock.pass(0)
  broker.onPublish = () => undefined
  for (const { answer } of broker.published.slice(1)) {
    answer.reject(new UnroutableError('LVG_UNROUTABLE', 'no queue', { transient: false }))
  }
  await runtime.clock.pass(0)
  assert.deepEqual(
    all.map(seen => seen.end),
    ['accepted', 'accepted', 'accepted'],
  )
})

test('D08 beyond so many unconfirmed messages publishing waits its turn', async () => {
  const { broker, runtime, publisher } = bench({ maxPending: 2 })
  broker.onPublish = () => 'wait'
  const all = ['a', 'b', 'c'].map(id => watched(publisher.publish(outgoing(id))))
  await runtime.clock.pass(0)
  assert.deepEqual(ids(broker), ['a', 'b'])
  broker.published[0]?.answer.resolve()
  await runtime.clock.pass(0)
  assert.deepEqual(ids(broker), ['a', 'b', 'c'])
  assert.deepEqual(
    all.map(seen => seen.end),
    ['accepted', 'open', 'open'],
  )
})

test('D08 beyond so many unconfirmed bytes too, but one large message may go alone', async () => {
  const { broker, runtime, publisher } = bench({ maxPendingBytes: 100 })
  broker.onPublish = () => 'wait'
  for (const [id, bytes] of [
    ['a', 500],
    ['b', 60],
    ['c', 60],
  ] as const) {
    watched(publisher.publish(outgoing(id, bytes)))
  }
  await runtime.clock.pass(0)
  assert.deepEqual(ids(broker), ['a'])
  broker.published[0]?.answer.resolve()
  await runtime.clock.pass(0)
  assert.deepEqual(ids(broker), ['a', 'b'])
})

test('D08 what waits for room longer than its timeout was certainly not sent', async () => {
  const { broker, runtime, publisher } = bench({ maxPending: 1 })
  broker.onPublish = () => 'wait'
  const [first, second] = ['a', 'b'].map(id => watched(publisher.publish(outgoing(id))))
  await runtime.clock.pass(5000)
  assert.ok(first?.error instanceof PublishUnknownError)
  assert.ok(second?.error instanceof NotSentError)
})

test('a due time is handed on only to a broker that keeps delayed messages', async () => {
  for (const delays of [true, false]) {
    const { broker, publisher } = bench({}, new ScriptedBroker({ delays }))
    await publisher.publish({ ...outgoing('a'), notBefore: 123 })
    assert.equal(broker.published[0]?.options.notBefore, delays ? 123 : undefined)
  }
})

test('an abort stops the waiting and says whether the message may have been sent', async () => {
  const { broker, runtime, publisher } = bench()
  const [before, after] = [new AbortController(), new AbortController()]
  broker.onConnect.push('hang')
  const unsent = watched(publisher.publish(outgoing('a'), { signal: before.signal }))
  before.abort(new Error('enough'))
  await runtime.clock.pass(4100)
  assert.ok(unsent.error instanceof NotSentError)
  broker.onPublish = () => 'wait'
  const sent = watched(publisher.publish(outgoing('b'), { signal: after.signal }))
  await runtime.clock.pass(100)
  after.abort(new Error('enough'))
  await runtime.clock.pass(0)
  assert.ok(sent.error instanceof PublishUnknownError)
})

test('an idle connection that is lost is made again for the next message', async () => {
  const { broker, runtime, publisher } = bench()
  await publisher.publish(outgoing('a'))
  broker.cut(lost)
  await runtime.clock.pass(60_000)
  assert.equal(broker.connects, 1)
  await publisher.publish(outgoing('b'))
  assert.equal(broker.connects, 2)
})

test('closing lets what is under way settle, closes the connection, and refuses what comes after', async () => {
  const { broker, runtime, publisher } = bench()
  broker.onPublish = () => 'wait'
  const seen = watched(publisher.publish(outgoing('a')))
  await runtime.clock.pass(0)
  const closing = watched(publisher[Symbol.asyncDispose]())
  await runtime.clock.pass(0)
  assert.equal(closing.end, 'open')
  broker.published[0]?.answer.resolve()
  await runtime.clock.pass(0)
  assert.deepEqual([seen.end, closing.end, broker.closes], ['accepted', 'accepted', 1])
  await assert.rejects(publisher.publish(outgoing('b')), NotSentError)
})

test('closing before anything was sent, and twice, is fine', async () => {
  const { publisher } = bench()
  await publisher[Symbol.asyncDispose]()
  await publisher[Symbol.asyncDispose]()
})

test('a long line of waiting messages keeps its order', async () => {
  const { broker, publisher } = bench({ maxPending: 10 })
  const wanted = Array.from({ length: 5000 }, (_, i) => `m${i}`)
  await Promise.all(wanted.map(id => publisher.publish(outgoing(id))))
  assert.deepEqual(ids(broker), wanted)
})
