import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LimitBook } from '../../src/brokers/limits/limit-book.js'
import type { LimitAnswer, LimitAsk, LimitRequest } from '../../src/brokers/limits/limit-store.js'
import type { LimitWindow } from '../../src/brokers/limits/limit-window.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'

const EMPTY: LimitRequest = { done: [], kept: [], asks: [] }

/** The model with a clock and holders that are set by hand. */
class World {
  readonly book = new LimitBook()
  readonly dead = new Set<string>()
  now = 1_000_000
  #names = 0

  ask(holder: string, ask: Partial<LimitAsk>, count = 1): LimitAnswer {
    const names = ask.names ?? Array.from({ length: count }, () => ++this.#names)
    const [answer] = this.do(holder, { asks: [{ rate: undefined, places: undefined, ...ask, names }] })
    assert.ok(answer !== undefined)
    return answer
  }

  do(holder: string, request: Partial<LimitRequest>): readonly LimitAnswer[] {
    const alive = (one: string): boolean => !this.dead.has(one)
    return this.book.decide({ ...EMPTY, ...request }, { now: this.now, holder, alive })
  }
}

const rate = (...windows: readonly LimitWindow[]): Partial<LimitAsk> => ({ rate: { key: 'r', windows } })
const places = (max: number): Partial<LimitAsk> => ({ places: { key: 'p', max } })

describe('windows', () => {
  test('so many at once, then none until the window has passed', () => {
    const world = new World()
    const tenAMinute = rate({ max: 10, ms: 60_000 })
    assert.deepEqual(world.ask('a', tenAMinute, 25), { granted: 10, wait: 60_200 - 200 + 1000 - (world.now % 1000) })
    world.now += 59_999
    assert.equal(world.ask('b', tenAMinute).granted, 0)
    world.now += 1001
    assert.equal(world.ask('b', tenAMinute, 25).granted, 10)
  })

  test('several hold together, and the wait is the longest of them', () => {
    const world = new World()
    const limits = rate({ max: 2, ms: 1000 }, { max: 3, ms: 60_000 })
    assert.equal(world.ask('a', limits, 5).granted, 2)
    world.now += 1100
    const { granted, wait } = world.ask('a', limits, 5)
    assert.equal(granted, 1)
    assert.ok(wait !== undefined && wait > 57_000 && wait <= 60_000, String(wait))
  })

  test('a clock that was set back keeps nobody waiting for longer than the window', () => {
    const world = new World()
    const once = rate({ max: 1, ms: 1000 })
    assert.equal(world.ask('a', once).granted, 1)
    world.now -= 500
    assert.equal(world.ask('a', once).granted, 0)
    world.now -= 500_000
    assert.equal(world.ask('a', once).granted, 1)
  })

  test('never more than the limit in any window, and nearly as many as it allows, whoever asks when', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new SimRandom(`windows ${seed}`)
      const world = new World()
      const windows = [
        { max: random.between(1, 10) | 0 || 1, ms: 1000 },
        { max: 30 + (random.between(0, 30) | 0), ms: 20_000 },
      ]
      const starts: number[] = []
      const began = world.now
      while (world.now < began + 100_000) {
        const { granted } = world.ask(`w${random.between(0, 3) | 0}`, rate(...windows), 1 + (random.between(0, 20) | 0))
        for (let n = 0; n < granted; n++) starts.push(world.now)
        world.now += random.between(1, 60) | 0
      }
      for (const { max, ms } of windows) {
        for (let n = max; n < starts.length; n++) {
          assert.ok((starts[n] ?? 0) - (starts[n - max] ?? 0) >= ms, `seed ${seed}: ${max} in ${ms} ms`)
        }
      }
      const possible = Math.min(...windows.map(({ max, ms }) => (max * 100_000) / ms))
      assert.ok(starts.length >= possible * 0.85, `seed ${seed}: ${starts.length} of ${possible}`)
    }
  })
})

describe('places', () => {
  test('so many at a time, whoever holds them, until they are given back', () => {
    const world = new World()
    assert.deepEqual(world.ask('a', { ...places(3), names: [1, 2] }), { granted: 2, wait: 0 })
    assert.deepEqual(world.ask('b', { ...places(3), names: [1, 2] }), { granted: 1, wait: undefined })
    assert.equal(world.ask('a', { ...places(3), names: [3] }).granted, 0)
    world.do('a', { done: [{ key: 'p', names: [2] }] })
    assert.equal(world.ask('a', { ...places(3), names: [3] }).granted, 1)
  })

  test('those of a dead holder are free', () => {
    const world = new World()
    assert.equal(world.ask('a', places(2), 2).granted, 2)
    assert.equal(world.ask('b', places(2), 2).granted, 0)
    world.dead.add('a')
    assert.equal(world.ask('b', places(2), 2).granted, 2)
  })

  test('asking twice for the same place takes one, giving back twice frees one', () => {
    const world = new World()
    for (let n = 0; n < 3; n++) assert.equal(world.ask('a', { ...places(2), names: [7] }).granted, 1)
    assert.equal(world.ask('b', { ...places(2), names: [1] }).granted, 1)
    for (let n = 0; n < 3; n++) world.do('a', { done: [{ key: 'p', names: [7] }] })
    assert.equal(world.ask('c', places(2), 5).granted, 1)
  })

  test('what runs already is held beyond the limit, and counts', () => {
    const world = new World()
    assert.equal(world.ask('a', places(2), 2).granted, 2)
    world.do('b', { kept: [{ key: 'p', names: [1] }] })
    world.do('a', { done: [{ key: 'p', names: [1] }] })
    assert.equal(world.ask('a', places(2), 1).granted, 0)
  })

  test('a turn that lacks one of its limits takes nothing of the other', () => {
    const world = new World()
    const both = { ...places(1), ...rate({ max: 3, ms: 1000 }) }
    assert.equal(world.ask('a', both, 5).granted, 1)
    world.now += 100
    assert.equal(world.ask('b', both).granted, 0)
    assert.equal(world.ask('b', rate({ max: 3, ms: 1000 }), 5).granted, 2)
  })
})

test('limits of other keys do not touch each other, and what holds nothing any more is forgotten', () => {
  const world = new World()
  for (let n = 0; n < 5000; n++) {
    world.now += 10
    assert.equal(world.ask('a', { rate: { key: `k${n}`, windows: [{ max: 1, ms: 1000 }] } }).granted, 1)
  }
  assert.ok(world.book.size <= 2000, `${world.book.size} keys`)
})
