import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError } from '../../src/brokers/errors.js'
import { EventDispatcher } from '../../src/events/event-dispatcher.js'
import { LamportClock } from '../../src/lib/lamport-clock.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import { type HandRuntime, handRuntime } from '../app/hand-runtime.js'
import { CELERYEV, lost, ScriptedLine } from './scripted-line.js'

class Bench {
  readonly runtime: HandRuntime = handRuntime()
  readonly clock = new LamportClock(6)
  readonly line = new ScriptedLine()
  readonly dispatcher = new EventDispatcher({
    runtime: this.runtime,
    hostname: 'w@h',
    clock: this.clock,
    codec: createCodec({ accept: ['json'], serializer: 'json' }),
    serializer: 'json',
    taskEvents: true,
  })

  attach(line = this.line): AsyncDisposable {
    return this.dispatcher.attach(line.connection, CELERYEV)
  }

  tasks(count: number): void {
    for (let n = 0; n < count; n++) this.dispatcher.sendTaskEvent('task-started', { uuid: `u${n}` })
  }

  turn(): Promise<void> {
    return this.runtime.clock.pass(0)
  }
}

describe('the event dispatcher', () => {
  test('tells who speaks, when, and in which order', async () => {
    const bench = new Bench()
    bench.attach()
    bench.dispatcher.send('worker-online', { freq: 2000, swIdent: 'lovage' })
    await bench.turn()
    const [sent] = bench.line.sent
    const { utcoffset, ...event } = (sent?.body ?? {}) as Record<string, unknown>
    const timestamp = bench.runtime.clock.now() / 1000
    const envelope = { type: 'worker-online', hostname: 'w@h', pid: 7, clock: 7, timestamp }
    assert.deepEqual(event, { ...envelope, freq: 2, sw_ident: 'lovage' })
    assert.ok(Number.isInteger(utcoffset))
    assert.deepEqual([sent?.routingKey, sent?.message.headers], ['worker.online', { hostname: 'w@h' }])
    assert.deepEqual([sent?.options.mandatory, bench.line.declared], [false, ['celeryev topic']])
  })

  test('what one turn tells of tasks travels as one list, even if it is one event', async () => {
    const bench = new Bench()
    bench.attach()
    bench.tasks(1)
    await bench.turn()
    bench.tasks(3)
    await bench.turn()
    const started = 'task-started'
    assert.deepEqual(bench.line.types, [[started], [started, started, started]])
    assert.deepEqual([...new Set(bench.line.sent.map(({ routingKey }) => routingKey))], ['task.multi'])
  })

  test('100 of them do not wait for the end of the turn', async () => {
    const bench = new Bench()
    bench.attach()
    bench.tasks(1)
    await bench.turn()
    bench.tasks(106)
    assert.deepEqual(
      bench.line.types.slice(1).map(types => types.length),
      [100],
    )
    await bench.turn()
    assert.deepEqual(
      bench.line.types.slice(2).map(types => types.length),
      [6],
    )
  })

  test('long texts are spread over several lists, and one that is too long for any travels alone', async () => {
    const bench = new Bench()
    const fail = (kib: number): void =>
      bench.dispatcher.sendTaskEvent('task-failed', { uuid: '', traceback: 'x'.repeat(kib * 1024) })
    for (const kib of [512, 512, 1, 2048, 1]) fail(kib)
    bench.attach()
    await bench.turn()
    assert.deepEqual(
      bench.line.types.map(types => types.length),
      [2, 1, 1, 1],
    )
  })

  test('nobody repeats an event with the same publish id, so no broker has to remember it', async () => {
    const bench = new Bench()
    bench.attach()
    bench.dispatcher.send('worker-online', {})
    bench.tasks(1)
    await bench.turn()
    bench.line.prompt = false
    bench.tasks(1)
    await bench.turn()
    bench.line.sent[2]?.answer.reject(lost())
    await bench.turn()
    await bench.runtime.clock.pass(1000)
    assert.equal(bench.line.sent.length, 4)
    assert.equal(new Set(bench.line.sent.map(({ options }) => options.publishId)).size, 4)
    assert.deepEqual([...new Set(bench.line.sent.map(({ options }) => options.once))], [true])
  })

  test('an event that travels alone does not overtake those before it', async () => {
    const bench = new Bench()
    bench.attach()
    bench.tasks(2)
    bench.dispatcher.send('task-progress', { uuid: 'u0', percent: 50 })
    bench.tasks(1)
    await bench.turn()
    assert.deepEqual(bench.line.types, [['task-started', 'task-started'], 'task-progress', ['task-started']])
    assert.equal(bench.line.sent[1]?.routingKey, 'task.progress')
  })

  test('L16 without a connection the latest 10,000 are kept, older ones counted', async () => {
    const bench = new Bench()
    bench.tasks(10_003)
    assert.deepEqual([bench.dispatcher.waiting, bench.dispatcher.dropped], [10_000, 3])
    bench.attach()
    await bench.turn()
    const events = bench.line.bodies.flat() as { readonly uuid: string; readonly clock: number }[]
    assert.equal(events.length, 10_000)
    assert.equal(events[0]?.uuid, 'u3')
    assert.deepEqual(
      events.map(({ clock }) => clock),
      events.map((_, n) => n + 10),
    )
  })

  test('L16 long texts count as well: a few thousand tracebacks do not fill the memory', () => {
    const bench = new Bench()
    const traceback = 'x'.repeat(64 * 1024)
    for (let n = 0; n < 1000; n++) bench.dispatcher.sendTaskEvent('task-failed', { uuid: `u${n}`, traceback })
    assert.ok(bench.dispatcher.waiting < 520, String(bench.dispatcher.waiting))
    assert.equal(bench.dispatcher.waiting + bench.dispatcher.dropped, 1000)
  })

  test('what was under way when the connection was lost is sent over the next one, in its order', async () => {
    const bench = new Bench()
    bench.attach()
    bench.dispatcher.send('worker-online', {})
    await bench.turn()
    bench.line.prompt = false
    for (const uuid of ['a', 'b']) {
      bench.dispatcher.sendTaskEvent('task-started', { uuid })
      await bench.turn()
    }
    bench.line.lose()
    for (const { answer } of bench.line.sent.slice(1)) answer.reject(lost())
    await bench.turn()
    bench.tasks(1)
    const next = new ScriptedLine()
    bench.attach(next)
    await bench.turn()
    const events = next.bodies.flat() as { readonly uuid: string }[]
    assert.deepEqual(
      events.map(({ uuid }) => uuid),
      ['a', 'b', 'u0'],
    )
  })

  test('never more than 64 messages wait for the broker: events do not crowd out results', async () => {
    const bench = new Bench()
    bench.attach()
    bench.dispatcher.send('worker-online', {})
    await bench.turn()
    bench.line.prompt = false
    bench.tasks(100 * 100)
    await bench.turn()
    assert.equal(bench.line.sent.length, 65)
    bench.line.sent[1]?.answer.resolve()
    await bench.turn()
    assert.equal(bench.line.sent.length, 66)
  })

  test('a broker that has no room is asked again after a pause', async () => {
    const bench = new Bench()
    bench.attach()
    bench.dispatcher.send('worker-online', {})
    await bench.turn()
    bench.line.prompt = false
    bench.tasks(1)
    await bench.turn()
    bench.line.sent[1]?.answer.reject(lost())
    await bench.turn()
    assert.equal(bench.line.sent.length, 2)
    await bench.runtime.clock.pass(1000)
    assert.equal(bench.line.sent.length, 3)
  })

  test('what the broker refuses for good is dropped, counted and said', async () => {
    const bench = new Bench()
    bench.attach()
    bench.line.prompt = false
    bench.tasks(2)
    await bench.turn()
    bench.line.sent[0]?.answer.reject(new BrokerError('LVG_REJECTED', 'Too large.', { transient: false }))
    await bench.turn()
    assert.equal(bench.dispatcher.dropped, 2)
    assert.match(bench.runtime.lines.map(({ message }) => message).join('\n'), /2 events could not be sent: Too large/)
  })

  test('an exchange that may not be declared costs the events of this connection, nothing else', async () => {
    const bench = new Bench()
    bench.line.declareError = new BrokerError('LVG_ACCESS_REFUSED', 'Not yours.', { transient: false })
    bench.attach()
    bench.tasks(1)
    await bench.turn()
    assert.match(
      bench.runtime.lines.map(({ message }) => message).join('\n'),
      /No events on this connection: Not yours/,
    )
    const next = new ScriptedLine()
    bench.attach(next)
    await bench.turn()
    assert.deepEqual(next.types, [['task-started']])
  })

  test('the last words are waited for, but not for ever', async () => {
    const bench = new Bench()
    const attached = bench.attach()
    bench.line.prompt = false
    bench.tasks(1)
    let left = false
    const leaving = Promise.resolve(attached[Symbol.asyncDispose]()).then(() => {
      left = true
    })
    await bench.runtime.clock.pass(1999)
    assert.equal(left, false)
    await bench.runtime.clock.pass(1)
    await leaving
    bench.dispatcher.sendNow('worker-heartbeat', {})
    assert.equal(bench.line.sent.length, 1)
  })

  test('events about tasks can be switched on and off; switching to what is says so', () => {
    const { dispatcher } = new Bench()
    assert.deepEqual([dispatcher.enableTaskEvents(), dispatcher.disableTaskEvents()], [false, true])
    assert.deepEqual([dispatcher.taskEvents, dispatcher.disableTaskEvents()], [false, false])
    assert.deepEqual([dispatcher.enableTaskEvents(), dispatcher.taskEvents], [true, true])
  })

  test('fields that cannot be sent are refused where they are given', () => {
    const { dispatcher } = new Bench()
    assert.throws(() => dispatcher.send('task-progress', { uuid: 'u', f: () => 1 }), { code: 'LVG_ENCODE' })
    assert.equal(dispatcher.waiting, 0)
  })
})
