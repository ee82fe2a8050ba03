import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { queueName } from '../../protocol/ids.js'
import { type Entry, MemoryQueue } from './memory-queue.js'

const MESSAGE = { headers: {}, properties: {}, body: new Uint8Array(0) }

function entry(queue: MemoryQueue, age: number, priority = 0): Entry {
  const address = { exchange: '', routingKey: 'q' }
  return {
    queue,
    message: MESSAGE,
    ...address,
    priority,
    age,
    enqueuedAt: 0,
    redelivered: false,
    faults: 0,
    begun: false,
    hadBegun: false,
  }
}

function takeAll(queue: MemoryQueue): readonly number[] {
  const ages: number[] = []
  for (let next = queue.take(); next !== undefined; next = queue.take()) ages.push(next.age)
  return ages
}

function emptyQueue(): MemoryQueue {
  return new MemoryQueue({ name: queueName('q') }, {})
}

test('whatever is pushed, taken, put back or delayed, the highest priority and then the oldest leaves first', () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), priority: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ kind: fc.constant('delay' as const), priority: fc.integer({ min: 0, max: 3 }), due: fc.nat(20) }),
    fc.record({ kind: fc.constant('take' as const) }),
    fc.record({ kind: fc.constant('put back' as const) }),
    fc.record({ kind: fc.constant('wait' as const) }),
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), acts => {
      const queue = emptyQueue()
      const ready: Entry[] = []
      const delayed: { readonly entry: Entry; readonly due: number }[] = []
      const held: Entry[] = []
      let now = 0
      let age = 0
      for (const one of acts) {
        switch (one.kind) {
          case 'push': {
            const pushed = entry(queue, age++, one.priority)
            queue.push(pushed)
            ready.push(pushed)
            break
          }
          case 'delay': {
            const late = entry(queue, age++, one.priority)
            queue.delayUntil(late, now + one.due)
            delayed.push({ entry: late, due: now + one.due })
            break
          }
          case 'put back': {
            const back = held.pop()
            if (back === undefined) break
            queue.putBack(back)
            ready.push(back)
            break
          }
          case 'wait':
            now += 7
            break
          case 'take': {
            queue.promote({ wall: now, steady: 0 })
            for (const late of delayed.filter(({ due }) => due <= now)) {
              ready.push(late.entry)
              delayed.splice(delayed.indexOf(late), 1)
            }
            ready.sort((a, b) => b.priority - a.priority || a.age - b.age)
            const expected = ready.shift()
            assert.equal(queue.take(), expected)
            if (expected !== undefined) held.push(expected)
          }
        }
        assert.equal(queue.ready, ready.length)
        assert.equal(queue.delayed, delayed.length)
      }
    }),
  )
})

test('what is delayed by a span waits by steady time, what is delayed to an instant by the wall clock', () => {
  const queue = emptyQueue()
  queue.delayUntil(entry(queue, 1), 1_000)
  queue.delayFor(entry(queue, 2), 50)
  assert.equal(queue.dueIn({ wall: 900, steady: 0 }), 50)
  assert.equal(queue.dueIn({ wall: 980, steady: 0 }), 20)
  queue.promote({ wall: 5_000, steady: 49 })
  assert.deepEqual(takeAll(queue), [1])
  queue.promote({ wall: 0, steady: 50 })
  assert.deepEqual(takeAll(queue), [2])
  assert.equal(queue.dueIn({ wall: 0, steady: 0 }), undefined)
})

test('purging drops ready and delayed messages alike', () => {
  const queue = emptyQueue()
  queue.push(entry(queue, 1))
  queue.putBack(entry(queue, 0))
  queue.delayFor(entry(queue, 2), 50)
  queue.delayUntil(entry(queue, 3), 50)
  assert.equal(queue.purge(), 4)
  assert.deepEqual([queue.ready, queue.delayed, queue.take()], [0, 0, undefined])
})

test('priorities are held between 0 and the highest of the queue', () => {
  const queue = new MemoryQueue({ name: queueName('q'), maxPriority: 9 }, {})
  const priorities = [undefined, -3, 4, 200].map(priority =>
    queue.priorityOf({ ...MESSAGE, properties: priority === undefined ? {} : { priority } }),
  )
  assert.deepEqual(priorities, [0, 0, 4, 9])
})
