import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueName } from '../protocol/ids.js'
import { type HealthFacts, judgeHealth } from './health.js'

const WELL: HealthFacts = {
  mode: 'running',
  consuming: true,
  stall: undefined,
  full: [],
  block: undefined,
  deliveries: 3,
  busy: 1,
  slots: 4,
}
const BLOCK = { lag: 12_000, at: 0, tasks: ['demo.compute[a]'] }

const CASES: readonly (readonly [
  what: string,
  facts: Partial<HealthFacts>,
  live: boolean,
  reasons: readonly RegExp[],
])[] = [
  ['it works', {}, true, []],
  ['it starts', { mode: 'starting', consuming: false }, true, [/^it is starting$/]],
  ['it stops', { mode: 'stopping' }, true, [/^it is stopping$/]],
  ['it has stopped', { mode: 'closed', consuming: false }, false, [/^it has stopped$/]],
  ['it has lost its broker', { consuming: false }, true, [/not connected/]],
  [
    'it is stalled',
    { stall: { queue: 'mail' as QueueName, depth: 7, age: 31_000, times: 2 } },
    true,
    [/nothing has been delivered for 31\.0 s although queue 'mail' holds 7 messages, for the 2th time in a row/],
  ],
  [
    'a dead-letter place is full',
    { full: ['mail' as QueueName] },
    true,
    [/^queue 'mail' is not consumed: its dead-letter place is full$/],
  ],
  [
    'its broker does not answer',
    { stall: { queue: undefined, depth: 0, age: 30_000, times: 1 } },
    true,
    [/the broker has not answered for 30\.0 s$/],
  ],
  [
    'its loop was blocked a moment ago',
    { block: { block: BLOCK, ago: 2000 } },
    true,
    [/stood still for 12\.0 s \(demo\.compute\[a\]\), until 2\.0 s ago/],
  ],
  ['its loop was blocked long ago', { block: { block: BLOCK, ago: 30_000 } }, true, []],
  [
    'more than one thing is wrong',
    { consuming: false, block: { block: { ...BLOCK, tasks: [] }, ago: 0 } },
    true,
    [/not connected/, /stood still for 12\.0 s, until 0\.0 s ago/],
  ],
]

for (const [what, facts, live, reasons] of CASES) {
  test(`G2 ${what}: ${live ? 'live' : 'not live'}, ${reasons.length === 0 ? 'ready' : 'not ready, and says why'}`, () => {
    const health = judgeHealth({ ...WELL, ...facts })
    assert.deepEqual([health.live, health.ready], [live, reasons.length === 0])
    assert.equal(health.reasons.length, reasons.length)
    for (const [i, reason] of reasons.entries()) assert.match(health.reasons[i] ?? '', reason)
  })
}
