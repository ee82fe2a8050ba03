import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BeatFacts, judgeBeat } from './health.js'

const NOW = Date.UTC(2026, 0, 1)
const WELL: BeatFacts = {
  mode: 'running',
  term: 3,
  leader: 'me',
  entries: 2,
  next: NOW + 1000,
  lastTick: NOW - 400,
  tickedAgo: 400,
  unheardFor: 5000,
  late: undefined,
  now: NOW,
  lease: 30_000,
}

const CASES: readonly (readonly [
  what: string,
  facts: Partial<BeatFacts>,
  live: boolean,
  reasons: readonly RegExp[],
])[] = [
  ['it leads', {}, true, []],
  ['it is a spare', { term: undefined, leader: 'another', entries: 0, next: undefined }, true, []],
  ['it starts', { mode: 'starting' }, true, [/^it is starting$/]],
  ['it has stopped', { mode: 'stopped', tickedAgo: 60_000 }, false, [/^it has stopped$/]],
  ['its ticks stay away', { tickedAgo: 11_000 }, true, [/^it has not ticked for 11\.0 s$/]],
  ['its ticks do not come back', { tickedAgo: 121_000 }, false, [/not ticked for 121\.0 s/]],
  ['a long lease gives it more time', { tickedAgo: 121_000, lease: 100_000 }, true, [/not ticked/]],
  ['its store is away', { unheardFor: 31_000 }, true, [/^its store has not answered for 31\.0 s$/]],
  ['a run is a little late', { late: { entries: 1, entry: 'x', since: NOW - 9000 } }, true, []],
  [
    'runs cannot be sent',
    { late: { entries: 3, entry: 'mail', since: NOW - 12_000 } },
    true,
    [/^entry mail cannot be sent, since 12\.0 s, and 2 others wait$/],
  ],
]

for (const [what, facts, live, reasons] of CASES) {
  test(`H61 ${what}: ${live ? 'live' : 'not live'}, ${reasons.length === 0 ? 'ready' : 'not ready, and says why'}`, () => {
    const health = judgeBeat({ ...WELL, ...facts })
    assert.deepEqual([health.live, health.ready], [live, reasons.length === 0])
    assert.equal(health.reasons.length, reasons.length)
    for (const [i, reason] of reasons.entries()) assert.match(health.reasons[i] ?? '', reason)
  })
}

test('H61 the last tick and the next due time are told', () => {
  const { lastTick, next, leads } = judgeBeat(WELL)
  assert.deepEqual([lastTick, next, leads], ['2025-12-31T23:59:59.600Z', '2026-01-01T00:00:01.000Z', true])
})
