import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimClock } from './sim-clock.js'
import { SimRandom } from './sim-random.js'

test('timers ring in the order in which they are due, however far ahead they were set', () => {
  const random = new SimRandom('timers')
  const clock = new SimClock(random.split('clock'))
  const rung: number[] = []
  let left = 500
  const set = (): void => {
    if (left-- <= 0) return
    const due = clock.now + random.pick([0, 1, 5_000, 10_000, 30_000, 60_000, 86_400_000]) * random.next()
    const timer = clock.schedule(due - clock.now, () => {
      assert.ok(Math.abs(clock.now - due) < 0.001)
      rung.push(clock.now)
      set()
    })
    if (random.chance(0.1)) {
      timer[Symbol.dispose]()
      set()
    }
  }
  for (let i = 0; i < 20; i++) set()
  while (clock.due !== undefined) {
    const { due } = clock
    clock.step()
    assert.equal(clock.now, due)
  }
  assert.equal(clock.pending, 0)
  assert.ok(rung.length > 400)
  assert.deepEqual(
    rung,
    rung.toSorted((a, b) => a - b),
  )
})
