import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Quirk, Quirks } from './quirks.js'
import { SimRandom } from './sim-random.js'

const drawn = (kinds: readonly Quirk[], asked: Quirk): readonly boolean[] => {
  const quirks = new Quirks(kinds, new SimRandom('quirks'), () => undefined)
  return Array.from({ length: 200 }, () => quirks.maybe(asked))
}

test('a quirk happens now and then in a run that has it, and never in another', () => {
  assert.deepEqual(new Set(drawn(['balk'], 'balk')), new Set([true, false]))
  assert.deepEqual(new Set(drawn(['balk'], 'late-timer')), new Set([false]))
})

test('one quirk more does not shift the others', () => {
  assert.deepEqual(drawn(['balk', 'late-timer'], 'late-timer'), drawn(['late-timer'], 'late-timer'))
})

test('each that happens is told', () => {
  const told: Quirk[] = []
  const quirks = new Quirks(['short-claim'], new SimRandom('quirks'), quirk => told.push(quirk))
  const happened = Array.from({ length: 50 }, () => quirks.maybe('short-claim')).filter(yes => yes)
  assert.equal(told.length, happened.length)
})
