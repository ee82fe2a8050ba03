import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ExpiringMap } from './expiring-map.js'

test('an entry is gone from the instant its time is over, before any sweep', () => {
  const map = new ExpiringMap<string, number>()
  map.set('a', 1, 10, 100)
  assert.equal(map.get('a', 109), 1)
  assert.equal(map.get('a', 110), undefined)
  assert.equal(map.size, 1)
  assert.equal(map.sweep(110), 1)
  assert.equal(map.size, 0)
})

test('setting again moves the end, both ways', () => {
  const map = new ExpiringMap<string, number>()
  map.set('later', 1, 10, 0)
  map.set('later', 2, 50, 0)
  map.set('sooner', 1, 50, 0)
  map.set('sooner', 2, 10, 0)
  assert.equal(map.sweep(10), 1)
  assert.equal(map.get('later', 49), 2)
  assert.equal(map.sweep(50), 1)
  assert.equal(map.size, 0)
})

test('an entry without an end stays', () => {
  const map = new ExpiringMap<string, number>()
  map.set('a', 1, 10, 0)
  map.set('a', 1, undefined, 0)
  assert.equal(map.sweep(1e12), 0)
  assert.equal(map.get('a', 1e12), 1)
})

test('whatever is set, deleted and swept, exactly what is in time is there', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      key: fc.nat(5),
      ttl: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.nat(5) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(15) }),
    fc.record({ kind: fc.constant('sweep' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const map = new ExpiringMap<number, number>()
      const model = new Map<number, { value: number; end: number }>()
      let now = 0
      steps.forEach((at, value) => {
        if (at.kind === 'set') {
          map.set(at.key, value, at.ttl, now)
          model.set(at.key, { value, end: at.ttl === undefined ? Number.POSITIVE_INFINITY : now + at.ttl })
        } else if (at.kind === 'delete') {
          map.delete(at.key)
          model.delete(at.key)
        } else if (at.kind === 'pass') now += at.ms
        else {
          map.sweep(now)
          for (const [key, entry] of model) if (entry.end <= now) model.delete(key)
          assert.equal(map.size, model.size)
        }
        for (let key = 0; key <= 5; key++) {
          const entry = model.get(key)
          assert.equal(map.get(key, now), entry !== undefined && entry.end > now ? entry.value : undefined)
        }
      })
    }),
  )
})
