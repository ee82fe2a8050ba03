import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCorpus } from './corpus.js'
import { outcomeOf } from './outcome.js'
import { allTargets } from './targets.js'

const targets = new Map(allTargets().map(target => [target.name, target]))
const corpus = readCorpus()

test('the corpus is read from its files', () => {
  assert.ok(corpus.length > 10)
})

for (const { name, target, found, input, outcome } of corpus) {
  test(`${name}: ${found}`, async () => {
    const judge = targets.get(target)
    assert.ok(judge, `there is no decoder '${target}'`)
    assert.equal(await outcomeOf(judge, input), outcome)
  })
}
