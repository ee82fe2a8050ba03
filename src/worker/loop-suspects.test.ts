import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopSuspects, type Stretch } from './loop-suspects.js'

const stretch = (task: string, from: number, to?: number): Stretch => ({ task, from, to })

const CASES: readonly (readonly [what: string, stretches: readonly Stretch[], suspects: readonly string[]])[] = [
  ['nothing ran', [], []],
  ['one that still runs', [stretch('a', 0)], ['a']],
  ['one that ended within', [stretch('a', 100, 190)], ['a']],
  ['one that had ended before, one that began after', [stretch('a', 0, 99), stretch('b', 201)], []],
  ['whoever had most of the time first', [stretch('a', 190), stretch('b', 100, 180), stretch('c', 0)], ['c', 'b', 'a']],
  ['five at most', ['a', 'b', 'c', 'd', 'e', 'f'].map((task, i) => stretch(task, 100 + i)), ['a', 'b', 'c', 'd', 'e']],
]

for (const [what, stretches, suspects] of CASES) {
  test(`suspected of what happened from 100 to 200: ${what}`, () => {
    assert.deepEqual(loopSuspects(stretches, 100, 200), suspects)
  })
}
