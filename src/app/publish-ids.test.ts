import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeRuntime } from '../lib/node-runtime.js'
import { PublishIds } from './publish-ids.js'

test('D05 publish ids ascend within an app', () => {
  const ids = new PublishIds(nodeRuntime().random)
  const drawn = Array.from({ length: 100 }, () => ids.draw())
  assert.equal(new Set(drawn).size, 100)
  assert.deepEqual(drawn.toSorted(), drawn)
})

test('D05 two apps share no publish id', () => {
  const { random } = nodeRuntime()
  assert.notEqual(new PublishIds(random).draw(), new PublishIds(random).draw())
})
