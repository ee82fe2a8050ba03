import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPast } from './past.js'

test('a claim that nobody can have counted is no past', () => {
  for (const claim of [-1, 1.5, 2 ** 53, '7', undefined]) {
    assert.equal(readPast({ lovage_past: { deliveries: 1, mark: 'begun', claim, exchange: '', key: 'q' } }), undefined)
  }
})
