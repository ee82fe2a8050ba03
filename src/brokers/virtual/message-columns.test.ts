import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packMessages, unpackMessage } from './message-columns.js'

test('messages come out of their columns as they went in, bodies of any size', () => {
  const pool = new Uint8Array([1, 2, 3, 4])
  const messages = [
    { headers: { task: 'a' }, properties: { priority: 3 }, body: pool.subarray(1, 3) },
    { headers: {}, properties: {}, body: new Uint8Array(0) },
    { headers: { id: 'x' }, properties: { contentType: 'text/plain' }, body: new Uint8Array(100_000).fill(7) },
  ]
  const columns = packMessages(messages)
  assert.deepEqual(
    messages.map((_, index) => unpackMessage(columns, index)),
    messages,
  )
})

test('bodies travel in a buffer of their own', () => {
  const pool = new Uint8Array(1_000_000)
  const columns = packMessages([{ headers: {}, properties: {}, body: pool.subarray(0, 2) }])
  assert.equal(columns.bytes.buffer.byteLength, 2)
})
