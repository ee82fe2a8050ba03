import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueName } from '../../protocol/ids.js'
import type { JournalLine } from './journal.js'
import { type Facts, type History, judge } from './judge.js'

/* A judge that never condemns proves nothing: one small run in order, and what he says when it is not. */

const SENT: History = history('producer', undefined, [
  { kind: 'sending', id: 'a', at: 1 },
  { kind: 'accepted', id: 'a', at: 2 },
])

function history(name: string, killedAt: number | undefined, lines: readonly JournalLine[]): History {
  return { name, killedAt, lines }
}

/** The lines of one attempt of task `a`, at 10, 11, 12 … */
function attempt(
  name: string,
  killedAt: number | undefined,
  ...kinds: ('start' | 'end' | 'asked' | 'acked')[]
): History {
  const lines = kinds.map((kind, index): JournalLine => {
    const line = { kind, id: 'a', retries: 0, at: 10 + index }
    return kind === 'end' ? { ...line, value: `by ${name}` } : line
  })
  return history(name, killedAt, lines)
}

const DONE = attempt('worker-2', undefined, 'start', 'end', 'asked', 'acked')

function facts(changes: Partial<Facts> = {}): Facts {
  return {
    acks: 'late',
    maxDeliveries: 3,
    plan: new Map([['a', 'work']]),
    histories: [SENT, DONE],
    results: new Map([['a', { status: 'SUCCESS', value: 'by worker-2' }]]),
    queues: [{ queue: queueName('chaos'), ready: 0, held: 0, delayed: 0, consumers: 0 }],
    leftovers: [],
    ...changes,
  }
}

test('a run in order has no fault', () => {
  const { faults, accepted, executions, extra } = judge(facts())
  assert.deepEqual({ faults, accepted, executions, extra }, { faults: [], accepted: 1, executions: 1, extra: 0 })
})

test('an execution more is allowed for each kill that the attempt was in flight at', () => {
  const { faults, extra, inFlight } = judge(facts({ histories: [SENT, attempt('worker-1', 11, 'start'), DONE] }))
  assert.deepEqual({ faults, extra, inFlight }, { faults: [], extra: 1, inFlight: 1 })
})

const BAD: readonly (readonly [string, Partial<Facts>, RegExp])[] = [
  ['an accepted task without an end', { results: new Map() }, /lost/],
  ['an accepted task that nobody ever saw', { histories: [SENT], results: new Map() }, /lost/],
  [
    'an execution more without a kill',
    { histories: [SENT, attempt('worker-1', undefined, 'start', 'end'), DONE] },
    /I04/,
  ],
  [
    'an execution more after an ack that was confirmed before the kill',
    { histories: [SENT, attempt('worker-1', 20, 'start', 'end', 'asked', 'acked'), DONE] },
    /I04/,
  ],
  [
    'more executions than deliveries allowed',
    { maxDeliveries: 1, histories: [SENT, attempt('worker-1', 11, 'start'), DONE] },
    /I05/,
  ],
  [
    'two executions with early acks',
    { acks: 'early', histories: [SENT, attempt('worker-1', 12, 'asked', 'acked', 'start'), DONE] },
    /I03/,
  ],
  ['an execution of what nobody published', { histories: [DONE] }, /I06/],
  [
    'an execution of what was certainly not accepted',
    {
      histories: [
        history('producer', undefined, [
          { kind: 'sending', id: 'a', at: 1 },
          { kind: 'refused', id: 'a', at: 2 },
        ]),
        DONE,
      ],
    },
    /I06/,
  ],
  [
    'a result that no execution returned',
    { results: new Map([['a', { status: 'SUCCESS', value: 'by nobody' }]]) },
    /I07/,
  ],
  [
    'a failure of what should succeed',
    { results: new Map([['a', { status: 'FAILURE', value: 'poison' }]]) },
    /FAILURE/,
  ],
  [
    'a message that is still held',
    { queues: [{ queue: queueName('chaos'), ready: 0, held: 1, delayed: 0, consumers: 0 }] },
    /I13/,
  ],
  [
    'a dead letter',
    { queues: [{ queue: queueName('chaos.dead'), ready: 1, held: 0, delayed: 0, consumers: 0 }] },
    /I13/,
  ],
  [
    'a consumer that outlives its process',
    { queues: [{ queue: queueName('chaos'), ready: 0, held: 0, delayed: 0, consumers: 1 }] },
    /I13/,
  ],
  ['a file left behind', { leftovers: ['x'] }, /left behind/],
  [
    'a task that was never published',
    {
      plan: new Map([
        ['a', 'work'],
        ['b', 'work'],
      ]),
    },
    /never published/,
  ],
]

for (const [name, changes, expected] of BAD) {
  test(`${name} is a fault`, () => assert.match(judge(facts(changes)).faults.join('\n'), expected))
}

test('an execution more is allowed for each break that it was in flight at, and on AMQP for an ack just before it', () => {
  const cut = (from: number, to: number, own: History): History => ({ ...own, trouble: [{ from, to }] })
  const running = cut(11, 12, attempt('worker-1', undefined, 'start', 'end'))
  assert.deepEqual(judge(facts({ histories: [SENT, running, DONE] })).faults, [])
  const acked = cut(14, 15, attempt('worker-1', undefined, 'start', 'end', 'asked', 'acked'))
  assert.match(judge(facts({ histories: [SENT, acked, DONE] })).faults.join(), /I04/)
  assert.deepEqual(judge(facts({ histories: [SENT, acked, DONE], ackTravel: 5 })).faults, [])
  const before = cut(1, 2, attempt('worker-1', undefined, 'start', 'end'))
  assert.match(judge(facts({ histories: [SENT, before, DONE] })).faults.join(), /I04/)
})

test('a publish under way at a break may be there twice where the broker knows no publish ids', () => {
  const twice = [attempt('worker-1', undefined, 'start', 'end', 'asked', 'acked'), DONE]
  const sent: History = { ...SENT, trouble: [{ from: 1.5, to: 1.6 }] }
  assert.match(judge(facts({ histories: [sent, ...twice] })).faults.join(), /I04/)
  assert.deepEqual(judge(facts({ histories: [sent, ...twice], publishDedupe: false })).faults, [])
  assert.match(judge(facts({ histories: [SENT, ...twice], publishDedupe: false })).faults.join(), /I04/)
})

test('where redeliveries are counted in copies, a kill while a message was only held may leave two', () => {
  const held = history('worker-1', 11, [{ kind: 'taken', id: 'a', retries: 0, at: 10 }])
  const twice = [held, attempt('worker-3', undefined, 'start', 'end', 'asked', 'acked'), DONE]
  assert.match(judge(facts({ histories: [SENT, ...twice] })).faults.join(), /I04/)
  assert.deepEqual(judge(facts({ histories: [SENT, ...twice], publishDedupe: false })).faults, [])
})

test('an early-acked task may go down with its worker when it had started, and not otherwise', () => {
  const judged = (...histories: readonly History[]): ReturnType<typeof judge> =>
    judge(facts({ acks: 'early', histories: [SENT, ...histories], results: new Map() }))
  const started = judged(attempt('worker-1', 13, 'asked', 'acked', 'start'))
  assert.deepEqual([started.faults, started.diedWithWorker], [[], 1])
  const between = judged(attempt('worker-1', 12, 'asked', 'acked'))
  assert.deepEqual([between.faults, between.diedBetween], [[], 1])
  assert.equal(judged(attempt('worker-1', undefined, 'asked', 'acked', 'start')).lost.length, 1)
  assert.equal(judged().lost.length, 1)
})
