import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LruMap } from './lru-map.js'

test('the entries that were set last stay, the newest first', () => {
  const map = new LruMap<string, number>(2)
  assert.equal(map.set('a', 1), undefined)
  map.set('b', 2)
  map.set('a', 3)
  assert.equal(map.set('c', 4), 2)
  assert.deepEqual([...map.values()], [4, 3])
  assert.deepEqual([map.get('a'), map.get('b'), map.size], [3, undefined, 2])
})

test('it is what a list of entries would be', () => {
  const step = fc.record({ act: fc.constantFrom('set', 'set', 'set', 'delete', 'shift'), key: fc.nat(6) })
  fc.assert(
    fc.property(fc.array(step), steps => {
      const map = new LruMap<number, number>(4)
      let list: (readonly [number, number])[] = []
      for (const [at, { act, key }] of steps.entries()) {
        if (act === 'shift') {
          assert.equal(map.shift(), list.pop()?.[1])
          continue
        }
        if (act === 'delete')
          assert.equal(
            map.delete(key),
            list.some(([known]) => known === key),
          )
        else map.set(key, at)
        list = list.filter(([known]) => known !== key)
        if (act === 'set') list = [[key, at] as const, ...list].slice(0, 4)
        assert.deepEqual(
          [...map.values()],
          list.map(([, value]) => value),
        )
      }
    }),
  )
})
