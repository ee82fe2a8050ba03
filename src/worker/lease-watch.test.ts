import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../lib/log.js'
import type { Clock } from '../lib/runtime.js'
import { LeaseWatch } from './lease-watch.js'

/** A watch whose timers are rung by hand. */
function watched({ suspect = false }: { readonly suspect?: boolean } = {}) {
  const set = new Set<() => void>()
  const timer: Clock['timer'] = (_, ring) => {
    set.add(ring)
    return { [Symbol.dispose]: () => void set.delete(ring) }
  }
  const clock = { timer, now: () => 0, steady: () => 0, sleep: () => Promise.resolve() }
  const state = { held: true, checks: 0 }
  const watch = new LeaseWatch({
    runtime: { clock, log: silentLog },
    holding: () => state.held,
    suspect: () => suspect,
    check: async () => {
      state.checks++
    },
  })
  const ring = (): void => {
    const due = [...set]
    set.clear()
    for (const one of due) one()
  }
  return { watch, set, state, ring }
}

test('leases are looked at again and again while something is held, and checked when they are suspect', () => {
  const { ring, state, set } = watched({ suspect: true })
  ring()
  ring()
  assert.equal(state.checks, 2)
  assert.equal(set.size, 1)
})

test('a worker that holds nothing sets no timer, until a delivery comes', () => {
  const { watch, ring, state, set } = watched()
  state.held = false
  ring()
  assert.equal(set.size, 0)
  state.held = true
  watch.wake()
  watch.wake()
  assert.equal(set.size, 1)
})

test('after its end nothing wakes it', () => {
  const { watch, set } = watched()
  watch[Symbol.dispose]()
  watch.wake()
  assert.equal(set.size, 0)
})
