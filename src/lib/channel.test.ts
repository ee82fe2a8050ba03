import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Channel } from './channel.js'

async function drain<T>(channel: Channel<T>): Promise<T[]> {
  const seen: T[] = []
  for await (const item of channel) seen.push(item)
  return seen
}

test('a consumer sees what was pushed before and after it came, in order', async () => {
  const channel = new Channel<number>()
  channel.push(1)
  const seen = drain(channel)
  channel.push(2)
  await Promise.resolve()
  channel.push(3)
  channel.close()
  assert.deepEqual(await seen, [1, 2, 3])
})

test('closing lets the consumer finish what is there', async () => {
  const channel = new Channel<number>()
  channel.push(1)
  channel.push(2)
  channel.close()
  assert.deepEqual(await drain(channel), [1, 2])
})

test('a closed channel takes nothing and says so', async () => {
  const channel = new Channel<number>()
  assert.equal(channel.push(1), true)
  channel.close()
  assert.equal(channel.closed, true)
  assert.equal(channel.push(2), false)
  assert.deepEqual(await drain(channel), [1])
})

test('closing ends a consumer that waits', async () => {
  const channel = new Channel<number>()
  const seen = drain(channel)
  await Promise.resolve()
  channel.close()
  assert.deepEqual(await seen, [])
})

test('take removes everything that waits and leaves the channel open', async () => {
  const channel = new Channel<number>()
  for (const n of [1, 2, 3]) channel.push(n)
  const first = await channel[Symbol.asyncIterator]().next()
  assert.equal(first.value, 1)
  assert.deepEqual(channel.take(), [2, 3])
  assert.equal(channel.size, 0)
  assert.equal(channel.push(4), true)
})

test('size counts what waits', async () => {
  const channel = new Channel<number>()
  const iterator = channel[Symbol.asyncIterator]()
  for (const n of [1, 2, 3]) channel.push(n)
  assert.equal(channel.size, 3)
  await iterator.next()
  assert.equal(channel.size, 2)
})

test('an item pushed while another is handled is seen next', async () => {
  const channel = new Channel<number>()
  channel.push(0)
  const seen: number[] = []
  for await (const item of channel) {
    seen.push(item)
    if (item < 5) channel.push(item + 1)
    else channel.close()
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5])
})
