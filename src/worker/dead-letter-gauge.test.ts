import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../brokers/broker.js'
import type { QueueName } from '../protocol/ids.js'
import { DeadLetterGauge } from './dead-letter-gauge.js'

const QUEUE = 'celery' as QueueName
const LIMIT = { messages: 10, bytes: 1000 }

/** A connection that only tells what a dead-letter place holds, and how often it was asked. */
class Place {
  count = 0
  /** Undefined: it does not tell. */
  bytes: number | undefined = 0
  looks = 0
  weighings = 0

  get connection(): Connection {
    const place = {
      stats: async (queue: QueueName) => {
        this.looks++
        return { queue, ready: this.count, held: 0, delayed: 0, consumers: 0 }
      },
      weigh: async () => {
        this.weighings++
        return this.bytes
      },
    }
    // The gauge calls nothing else.
    return place as unknown as Connection
  }
}

test('D64 there is room below the limits of messages and of bytes, and none beyond either', async () => {
  const place = new Place()
  const gauge = new DeadLetterGauge(LIMIT)
  const rooms: string[] = []
  for (const bytes of [400, 600, 1]) rooms.push(await gauge.room(QUEUE, place.connection, 0, bytes))
  assert.deepEqual(rooms, ['room', 'room', 'bytes'])
  const small = new DeadLetterGauge(LIMIT)
  place.count = 9
  assert.equal(await small.room(QUEUE, place.connection, 0, 1), 'room')
  assert.equal(await small.room(QUEUE, place.connection, 0, 1), 'messages')
})

test('D64 between looks at the broker the gauge counts by itself; it weighs once a minute, and whenever there seems to be no room', async () => {
  const place = new Place()
  Object.assign(place, { count: 1, bytes: 100 })
  const gauge = new DeadLetterGauge(LIMIT)
  for (let now = 0; now <= 60_000; now += 1000) await gauge.room(QUEUE, place.connection, now, 1)
  assert.deepEqual([place.looks, place.weighings], [11, 1])
  await gauge.room(QUEUE, place.connection, 66_000, 1)
  assert.equal(place.weighings, 2)
  assert.equal(await gauge.room(QUEUE, place.connection, 66_000, 950), 'bytes')
  place.bytes = 20
  assert.equal(await gauge.room(QUEUE, place.connection, 72_000, 950), 'room')
})

test('D64 what others write between two weighings is taken to be as heavy as the rest', async () => {
  const place = new Place()
  Object.assign(place, { count: 2, bytes: 400 })
  const gauge = new DeadLetterGauge(LIMIT)
  assert.equal(await gauge.room(QUEUE, place.connection, 0, 200), 'room')
  place.count = 5
  assert.equal(await gauge.room(QUEUE, place.connection, 6000, 0), 'room')
  place.bytes = 1000
  assert.equal(await gauge.room(QUEUE, place.connection, 6000, 1), 'bytes')
})

test('D64 at a broker that tells no bytes every letter counts as one of those written here', async () => {
  const place = new Place()
  Object.assign(place, { count: 3, bytes: undefined })
  const gauge = new DeadLetterGauge(LIMIT)
  assert.equal(await gauge.room(QUEUE, place.connection, 0, 240), 'room')
  assert.equal(await gauge.room(QUEUE, place.connection, 0, 240), 'bytes')
})

test('D64 letters of one moment are counted by one look', async () => {
  const place = new Place()
  place.count = 8
  const gauge = new DeadLetterGauge(LIMIT)
  const rooms = await Promise.all([1, 2, 3, 4].map(() => gauge.room(QUEUE, place.connection, 0, 1)))
  assert.deepEqual(rooms, ['room', 'room', 'messages', 'messages'])
  assert.equal(place.looks, 1)
})

test('D64 what was dropped makes room', async () => {
  const place = new Place()
  Object.assign(place, { count: 2, bytes: 1000 })
  const gauge = new DeadLetterGauge(LIMIT)
  assert.equal(await gauge.room(QUEUE, place.connection, 0, 300), 'bytes')
  gauge.dropped(QUEUE, 500)
  assert.equal(await gauge.room(QUEUE, place.connection, 0, 300), 'room')
})
