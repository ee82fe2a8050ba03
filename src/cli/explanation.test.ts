import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueStats } from '../brokers/broker.js'
import { type QueueName, taskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { explanation, type TaskFacts } from './explanation.js'

const NOTHING: TaskFacts = {
  id: 'a',
  stored: undefined,
  keepsNothing: false,
  holders: [],
  nodes: ['w@here'],
  revokedAt: [],
  dead: undefined,
  queues: [],
  now: 0,
}

function stored(status: string, more: Partial<ResultMeta> = {}): ResultMeta {
  const none = { result: null, error: undefined, traceback: undefined, children: undefined, dateDone: undefined }
  return { taskId: taskId('a'), status, ...none, ...more }
}

function queue(name: string, ready: number, more: Partial<QueueStats> = {}): QueueStats {
  return { queue: name as QueueName, ready, held: 0, delayed: 0, consumers: 1, ...more }
}

const DEAD = {
  reason: 'poison',
  detail: 'three faults',
  queue: 'mail' as QueueName,
  exchange: '',
  routingKey: 'mail',
  deliveries: 3,
  firstSeen: undefined,
  diedAt: 0,
  worker: 'w@here',
} as const

const CASES: readonly (readonly [facts: Partial<TaskFacts>, answer: RegExp])[] = [
  [
    { stored: stored('SUCCESS', { dateDone: '2026-01-01T00:00:00Z' }) },
    /^It has ended at 2026-01-01T00:00:00Z: SUCCESS\.$/,
  ],
  [
    { stored: stored('FAILURE', { error: { type: 'ValueError', args: [], module: null } }), dead: DEAD },
    /^It has ended: FAILURE \(ValueError\)\.$/,
  ],
  [
    { holders: [{ node: 'w@here', place: 'active', at: 'T' }], stored: stored('STARTED') },
    /^It runs at w@here, since T\.$/,
  ],
  [
    { holders: [{ node: 'w@here', place: 'reserved', at: undefined }] },
    /held by w@here and waits there for a free slot/,
  ],
  [{ holders: [{ node: 'w@here', place: 'scheduled', at: 'T' }] }, /held by w@here and waits there until T/],
  [{ holders: [{ node: 'w@here', place: 'scheduled', at: undefined }] }, /until its eta or its rate limit permits/],
  [{ dead: DEAD }, /dead letter of queue 'mail' \(poison\): three faults\. lovage dead requeue mail/],
  [{ stored: stored('RETRY', { intent: { retries: 1, eta: 0 } }) }, /next attempt, due at 1970-01-01T00:00:00\.000Z/],
  [{ revokedAt: ['w@here'] }, /^It is revoked/],
  [
    { queues: [queue('celery', 10, { consumers: 0 }), queue('mail', 0)] },
    /waits in one of: celery \(10 ready, no consumer\)\.$/,
  ],
  [{ queues: [queue('celery', 1, { delayed: 2, consumers: undefined })] }, /celery \(1 ready, 2 until later\)/],
  [{}, /^None of 1 workers has it, and nothing waits in any queue/],
  [{ nodes: [] }, /^No worker answers, and nothing waits/],
]

for (const [facts, answer] of CASES) {
  test(`H41 explained: ${answer.source}`, () => {
    assert.match(explanation({ ...NOTHING, ...facts })[0] ?? '', answer)
  })
}

test('G4 what else is known follows the answer', () => {
  assert.deepEqual(explanation({ ...NOTHING, stored: stored('STARTED'), revokedAt: ['a@x', 'b@x'] }).slice(1), [
    'Stored state: STARTED.',
    'Revoked, as a@x, b@x know.',
  ])
  assert.equal(
    explanation({ ...NOTHING, keepsNothing: true })[1],
    'Stored state: not kept, there is no result backend.',
  )
})
