import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fifo } from './fifo.js'

test('items leave in the order they came, however pushes and shifts mix', () => {
  const fifo = new Fifo<{ readonly n: number }>()
  let pushed = 0
  let shifted = 0
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 50; i++) fifo.push({ n: pushed++ })
    for (let i = 0; i < (round < 100 ? 20 : 80); i++) {
      const item = fifo.shift()
      if (item !== undefined) assert.equal(item.n, shifted++)
      assert.equal(fifo.size, pushed - shifted)
    }
  }
  assert.equal(shifted, pushed)
})

test('looking takes nothing, and an empty one has nothing to show', () => {
  const fifo = new Fifo<{ readonly n: number }>()
  assert.equal(fifo.peek(), undefined)
  assert.equal(fifo.shift(), undefined)
  fifo.push({ n: 1 })
  assert.equal(fifo.peek()?.n, 1)
  assert.equal(fifo.size, 1)
  fifo.clear()
  assert.equal(fifo.size, 0)
})
