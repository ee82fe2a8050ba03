import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Heap } from './heap.js'

function heapOf(items: readonly number[]): Heap<number> {
  const heap = new Heap<number>((a, b) => a < b)
  for (const item of items) heap.push(item)
  return heap
}

test('items leave in order, whatever order they came in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), items => {
      const heap = heapOf(items)
      const left = items.map(() => heap.pop())
      assert.deepEqual(
        left,
        [...items].sort((a, b) => a - b),
      )
    }),
  )
})

test('pushes and pops may alternate', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), steps => {
      const heap = heapOf([])
      const model: number[] = []
      for (const step of steps) {
        if (step === null) assert.equal(heap.pop(), model.shift())
        else {
          heap.push(step)
          model.push(step)
          model.sort((a, b) => a - b)
        }
        assert.equal(heap.peek(), model[0])
        assert.equal(heap.size, model.length)
      }
    }),
  )
})

test('an empty heap gives undefined', () => {
  const heap = heapOf([])
  assert.equal(heap.peek(), undefined)
  assert.equal(heap.pop(), undefined)
})

test('a cleared heap is empty and can be used again', () => {
  const heap = heapOf([3, 1, 2])
  heap.clear()
  assert.equal(heap.size, 0)
  heap.push(5)
  assert.equal(heap.pop(), 5)
})

test('iterating shows every item and removes none', () => {
  const heap = heapOf([3, 1, 2])
  assert.deepEqual([...heap].sort(), [1, 2, 3])
  assert.equal(heap.size, 3)
})
