import assert from 'node:assert/strict'
import { test } from 'node:test'
import { suggest } from './suggest.js'

const KNOWN = ['brokerUrl', 'resultBackend', 'taskAcksLate', 'workerPrefetchMultiplier']

test('a slip of the finger finds the word that was meant', () => {
  assert.equal(suggest('brokerUlr', KNOWN), 'brokerUrl')
  assert.equal(suggest('resultBackends', KNOWN), 'resultBackend')
  assert.equal(suggest('taskAckLate', KNOWN), 'taskAcksLate')
})

test('case, underscores, hyphens and dots do not count', () => {
  assert.equal(suggest('worker_prefetch_multiplier', KNOWN), 'workerPrefetchMultiplier')
  assert.equal(suggest('BROKER-URL', KNOWN), 'brokerUrl')
})

test('the nearest of several wins', () => {
  assert.equal(suggest('workr', ['workers', 'worker', 'word']), 'worker')
})

test('a word that is far from all of them finds none', () => {
  assert.equal(suggest('concurrency', KNOWN), undefined)
  assert.equal(suggest('x', ['broker']), undefined)
  assert.equal(suggest('', KNOWN), undefined)
})

test('a very long word is compared by its beginning', () => {
  assert.equal(suggest('a'.repeat(100_000), ['a'.repeat(64)]), 'a'.repeat(64))
})
