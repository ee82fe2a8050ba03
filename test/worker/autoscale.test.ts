import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AutoscaleFacts, autoscale } from '../../src/worker/autoscale.js'

const FACTS: AutoscaleFacts = { size: 1, reserved: 0, max: 10, min: 1, now: 100_000, grownAt: 0, keepalive: 30_000 }

describe('autoscale', () => {
  const table: readonly (readonly [what: string, facts: Partial<AutoscaleFacts>, size: number])[] = [
    ['nothing to do: stays at its minimum', {}, 1],
    ['grows to the load at once', { reserved: 4 }, 4],
    ['grows at once, however lately it grew', { size: 4, reserved: 5, grownAt: 100_000 }, 5],
    ['never above its maximum', { reserved: 50 }, 10],
    ['as much to do as slots: stays', { size: 4, reserved: 4 }, 4],
    ['less to do, grown lately: stays', { size: 4, reserved: 1, grownAt: 80_000 }, 4],
    ['less to do, grown exactly keepalive ago: stays', { size: 4, grownAt: 70_000 }, 4],
    ['less to do for longer than keepalive: shrinks to the load', { size: 4, reserved: 3 }, 3],
    ['idle for longer than keepalive: shrinks to its minimum', { size: 4 }, 1],
    ['a minimum of 0 leaves one slot when idle', { size: 4, min: 0 }, 1],
    ['a raised minimum holds at once', { size: 1, min: 3 }, 3],
    ['a lowered maximum holds at once', { size: 8, max: 4, reserved: 20, grownAt: 100_000 }, 4],
    ['never grown, and above its minimum: shrinks', { size: 3, grownAt: undefined }, 1],
  ]
  for (const [what, facts, size] of table) test(what, () => assert.equal(autoscale({ ...FACTS, ...facts }), size))
})
