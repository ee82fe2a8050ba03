import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_PREFETCH, NO_PREFETCH, type PrefetchFacts, prefetchCount } from '../../src/worker/prefetch.js'

const FACTS: PrefetchFacts = {
  concurrency: 4,
  multiplier: 4,
  held: 0,
  heldLimit: 10_000,
  limit: undefined,
  left: 0,
  acked: undefined,
}

function table(rows: readonly (readonly [what: string, facts: Partial<PrefetchFacts>, count: number])[]): void {
  for (const [what, facts, count] of rows) {
    test(what, () => assert.equal(prefetchCount({ ...FACTS, ...facts }), count))
  }
}

describe('the prefetch window', () => {
  table([
    ['is concurrency × multiplier', {}, 16],
    ['of one slot and multiplier 1 is one', { concurrency: 1, multiplier: 1 }, 1],
    ['is none while there is no slot', { concurrency: 0 }, NO_PREFETCH],
    ['has a place more for each held message', { held: 3 }, 19],
    ['grows no further than workerEtaTaskLimit or workerMaxHeld', { held: 300, heldLimit: 10 }, 26],
    ['is never more than AMQP can say', { concurrency: 50_000, multiplier: 4 }, MAX_PREFETCH],
    ['of multiplier 0 has no limit', { multiplier: 0, held: 7 }, 0],
    ['of multiplier 0 is workerPrefetchLimit on brokers that lease', { multiplier: 0, limit: 1000 }, 1000],
    ['never above workerPrefetchLimit on brokers that lease', { concurrency: 1000, limit: 1000 }, 1000],
    ['held messages come on top of workerPrefetchLimit', { multiplier: 0, limit: 1000, held: 30 }, 1030],
  ])
})

describe('H08 after a lost connection', () => {
  table([
    ['what still runs counts against it: 16 − 1 × 4', { left: 1 }, 12],
    ['never below the multiplier', { left: 4 }, 4],
    ['never below the multiplier, however many are left', { left: 40 }, 4],
    ['whole again when nothing is left', { left: 0 }, 16],
    ['a window below the multiplier is not raised by it', { left: 1, limit: 2 }, 2],
    ['no limit stays no limit', { left: 4, multiplier: 0 }, 0],
  ])
})

describe('H36 without prefetch', () => {
  table([
    ['as many as slots', { acked: 0 }, 4],
    ['what was acked early fills a slot and no place', { acked: 3 }, 1],
    ['none when all slots are filled so', { acked: 4 }, NO_PREFETCH],
    ['none when more run than there are slots', { acked: 6 }, NO_PREFETCH],
    ['held messages need no slot', { acked: 4, held: 2 }, 2],
    ['whatever the multiplier', { acked: 0, multiplier: 0 }, 4],
  ])
})
