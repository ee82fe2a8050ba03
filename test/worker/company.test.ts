import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Connection, Delivery } from '../../src/brokers/broker.js'
import { EventDispatcher } from '../../src/events/event-dispatcher.js'
import { EventReader } from '../../src/events/event-reader.js'
import { Channel } from '../../src/lib/channel.js'
import { LamportClock } from '../../src/lib/lamport-clock.js'
import type { ClusterEvent } from '../../src/protocol/cluster-event.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import { encodeEvent, eventRoutingKey } from '../../src/protocol/event-message.js'
import { nodeName, queueName } from '../../src/protocol/ids.js'
import { Gossip, type NodeChange } from '../../src/worker/gossip.js'
import { Mingle } from '../../src/worker/mingle.js'
import { handRuntime } from '../app/hand-runtime.js'
import { CELERYEV, ScriptedLine } from '../events/scripted-line.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })
const SELF = nodeName('w@h')
const NOWHERE = {} as Connection
const KEPT = new AbortController().signal

/** A gossiping worker whose neighbours are a test. */
class Party {
  readonly runtime = handRuntime()
  readonly clock = new LamportClock(10)
  readonly line = new ScriptedLine()
  readonly changes: string[] = []
  readonly won: unknown[] = []
  readonly #heard = new Channel<readonly Delivery[]>()
  readonly gossip: Gossip

  constructor() {
    const { runtime, clock } = this
    const dispatcher = new EventDispatcher({
      runtime,
      hostname: SELF,
      clock,
      codec,
      serializer: 'json',
      taskEvents: false,
    })
    dispatcher.attach(this.line.connection, CELERYEV)
    this.gossip = new Gossip({
      runtime,
      self: SELF,
      dispatcher,
      reader: new EventReader({ runtime, codec, clock, self: SELF }),
      queue: { name: queueName('ears') },
      elected: (topic, action) => void this.won.push([topic, action]),
      changed: (change: NodeChange, { hostname }) => void this.changes.push(`${hostname} ${change}`),
    })
  }

  join(): Promise<AsyncDisposable> {
    const heard = this.#heard
    const consumer = {
      [Symbol.asyncIterator]: () => heard[Symbol.asyncIterator](),
      [Symbol.asyncDispose]: async () => heard.close(),
    }
    // Gossip asks a connection for a consumer, and nothing else.
    return this.gossip.join({ consume: async () => consumer } as unknown as Connection)
  }

  async hear(type: string, changes: Partial<ClusterEvent> = {}): Promise<void> {
    const now = this.runtime.clock.now()
    const base = { type, hostname: 'x@h', pid: 1, clock: 3, timestamp: now, utcoffset: 0, fields: { freq: 2000 } }
    const message = encodeEvent({ ...base, ...changes }, codec)
    const delivery: Pick<Delivery, 'message' | 'routingKey' | 'ack'> = {
      message,
      routingKey: eventRoutingKey(type),
      ack: async () => 'settled',
    }
    this.#heard.push([delivery as Delivery])
    await this.runtime.clock.pass(0)
  }

  get log(): string {
    return this.runtime.lines.map(({ message }) => message).join('\n')
  }
}

describe('gossip', () => {
  test('knows who comes, goes, and is lost', async () => {
    const party = new Party()
    await using _joined = await party.join()
    await party.hear('worker-online')
    await party.hear('worker-heartbeat', { hostname: 'y@h' })
    await party.hear('worker-heartbeat')
    await party.hear('worker-offline')
    assert.deepEqual(party.changes, ['x@h join', 'y@h join', 'x@h leave'])
    assert.deepEqual(
      party.gossip.neighbours.map(({ hostname }) => hostname),
      ['y@h'],
    )
    await party.runtime.clock.pass(10_000)
    assert.deepEqual(party.changes.slice(3), ['y@h lost'])
    assert.match(party.log, /missed heartbeat from y@h/)
    assert.deepEqual(party.gossip.neighbours, [])
  })

  test('keeps the clock with that of the others; its own events count one', async () => {
    const party = new Party()
    await using _joined = await party.join()
    await party.hear('worker-heartbeat', { clock: 5000 })
    assert.equal(party.clock.value, 5001)
    await party.hear('worker-heartbeat', { hostname: SELF, clock: 9000 })
    assert.equal(party.clock.value, 5002)
  })

  test('M44 a clock too far ahead is not believed, and what is no event is no matter', async () => {
    const party = new Party()
    await using _joined = await party.join()
    await party.hear('worker-heartbeat', { clock: 2 ** 52 })
    assert.equal(party.clock.value, 11)
    await party.hear('worker-elect', { fields: { id: 'e' } })
    assert.match(party.log, /candidature from x@h was dropped/)
    await party.hear('worker-online')
    assert.equal(party.gossip.neighbours.length, 1)
  })

  test('D97 says whose wall clock differs', async () => {
    const party = new Party()
    await using _joined = await party.join()
    await party.hear('worker-heartbeat', { timestamp: party.runtime.clock.now() - 60_000 })
    assert.match(party.log, /The clock of x@h is 60 s behind this host's/)
  })

  test('a worker that is alone wins its election, and does what it is about', async () => {
    const party = new Party()
    await using _joined = await party.join()
    party.gossip.election('e', 'task', { task: 't' })
    await party.runtime.clock.pass(0)
    const own = party.line.bodies[0] as { readonly clock: number }
    const fields = { id: 'e', topic: 'task', action: { task: 't' }, cver: 1 }
    await party.hear('worker-elect', { hostname: SELF, pid: 7, clock: own.clock, fields })
    await party.hear('worker-elect-ack', { hostname: SELF, pid: 7, fields: { id: 'e' } })
    assert.deepEqual(party.won, [['task', { task: 't' }]])
    assert.deepEqual(party.line.types, ['worker-elect', 'worker-elect-ack'])
  })

  test('with a neighbour the lower clock wins, here and there', async () => {
    const party = new Party()
    await using _joined = await party.join()
    await party.hear('worker-online')
    party.gossip.election('e', 'task', null)
    const fields = { id: 'e', topic: 'task', action: null, cver: 1 }
    await party.hear('worker-elect', { hostname: SELF, pid: 7, clock: 20, fields })
    await party.hear('worker-elect', { clock: 4, fields })
    await party.hear('worker-elect-ack', { hostname: SELF, pid: 7, fields: { id: 'e' } })
    await party.hear('worker-elect-ack', { fields: { id: 'e' } })
    assert.deepEqual(party.won, [])
    assert.match(party.log, /Election e: x@h\.1 has won/)
  })
})

describe('mingle', () => {
  function mingle(replies: Readonly<Record<string, unknown>> | Error, learnt: unknown[] = []) {
    const runtime = handRuntime()
    const clock = new LamportClock(5)
    const one = new Mingle({
      runtime,
      self: SELF,
      clock,
      hello: async () => {
        if (replies instanceof Error) throw replies
        return replies
      },
      learn: reply => {
        learnt.push(reply)
        return (reply as { readonly clock?: number }).clock
      },
    })
    return { one, runtime, clock, log: () => runtime.lines.map(({ message }) => message).join('\n') }
  }

  test('takes over what the others know, and leaves out itself, errors and nobody', async () => {
    const learnt: unknown[] = []
    const answers = { 'a@h': { clock: 40, revoked: {} }, 'w@h': { clock: 99 }, 'b@h': null, 'c@h': { error: 'x' } }
    const { one, runtime, clock, log } = mingle(answers, learnt)
    await using _joined = await one.join(NOWHERE, KEPT)
    await runtime.clock.pass(0)
    assert.equal(clock.value, 41)
    assert.deepEqual(learnt, [answers['a@h'], answers['c@h']])
    assert.match(log(), /mingle: sync with 1 nodes complete/)
    assert.match(log(), /the answer of c@h is none/)
  })

  test('H12 joins at once, however long the answers take, and leaves without them', async () => {
    const runtime = handRuntime()
    let aborted = false
    const one = new Mingle({
      runtime,
      self: SELF,
      clock: new LamportClock(),
      hello: signal =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true
            reject(signal.reason)
          })
        }),
      learn: () => undefined,
    })
    const joined = await one.join(NOWHERE, KEPT)
    await joined[Symbol.asyncDispose]()
    assert.equal(aborted, true)
  })

  test('neighbours that cannot be asked are a warning, no more', async () => {
    const { one, runtime, log } = mingle(new Error('the broker has no room'))
    await using _joined = await one.join(NOWHERE, KEPT)
    await runtime.clock.pass(0)
    assert.match(log(), /neighbors could not be asked.*no room/)
  })
})
