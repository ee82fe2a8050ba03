import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PublishWindow } from './publish-window.js'

function windowOf(max = 1_000): PublishWindow {
  return new PublishWindow({ length: 60_000, max, now: 0 })
}

test('D05 an id is remembered for at least the length of the window, whenever it came', () => {
  for (const at of [0, 1, 30_000, 59_999, 60_000, 119_999]) {
    const window = windowOf()
    window.add('id', at)
    assert.equal(window.has('id', at + 59_999), true, `added at ${at}`)
  }
})

test('an id is forgotten after twice the length', () => {
  const window = windowOf()
  window.add('id', 0)
  window.add('other', 60_000)
  assert.equal(window.has('id', 120_000), false)
  assert.equal(window.has('other', 120_000), true)
})

test('after a long silence everything is forgotten', () => {
  const window = windowOf()
  window.add('id', 0)
  assert.equal(window.has('id', 500_000), false)
  assert.equal(window.size, 0)
})

test('no more than two generations of ids are kept, and the youngest always are', () => {
  const window = windowOf(10)
  for (let i = 0; i < 1_000; i++) window.add(`id-${i}`, 1)
  assert.ok(window.size <= 20)
  for (let i = 990; i < 1_000; i++) assert.equal(window.has(`id-${i}`, 1), true)
})
