import assert from 'node:assert/strict'
import type { Queue } from '../../brokers/broker.js'
import { queueName } from '../../protocol/ids.js'
import { type BrokerCase, countTo, Reader, textOf } from './broker-bench.js'

const OTHER: Queue = { name: queueName('other') }

/** Consumers: prefetch, waking, several queues, changes while running. */
export const CONSUMING: readonly BrokerCase[] = [
  {
    name: 'a consumer gets what was there before it and what comes after, in order',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, '0')
      const reader = new Reader(await connection.consume([queue], 10))
      await bench.arrived(reader, 1)
      await bench.publish(connection, queue.name, '1')
      await bench.quiet()
      await bench.publish(connection, queue.name, '2')
      await bench.arrived(reader, 3)
      assert.deepEqual(reader.texts, countTo(3))
    },
  },
  {
    name: 'a consumer that waits is woken by a message from another connection',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const reader = new Reader(await (await bench.connect()).consume([queue], 1))
      await bench.quiet()
      await bench.publish(connection, queue.name, 'x')
      await bench.arrived(reader, 1)
    },
  },
  {
    name: 'a consumer holds at most as many unsettled deliveries as its prefetch says',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 10)
      const reader = new Reader(await connection.consume([queue], 4))
      await bench.arrived(reader, 4)
      await bench.quiet()
      assert.equal(reader.deliveries.length, 4)
      await reader.deliveries[0]?.ack()
      await reader.deliveries[1]?.requeue({ counted: false })
      await bench.arrived(reader, 6)
      await bench.quiet()
      assert.equal(reader.deliveries.length, 6)
    },
  },
  {
    name: 'L10 a prefetch of 0 sets no limit',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 350)
      const reader = new Reader(await connection.consume([queue], 0))
      await bench.arrived(reader, 350)
      assert.deepEqual(reader.texts, countTo(350))
    },
  },
  {
    name: 'a raised prefetch brings more deliveries at once',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 10)
      const consumer = await connection.consume([queue], 2)
      const reader = new Reader(consumer)
      await bench.arrived(reader, 2)
      await consumer.setPrefetch(5)
      await bench.arrived(reader, 5)
      await bench.quiet()
      assert.equal(reader.deliveries.length, 5)
    },
  },
  {
    name: 'a lowered prefetch brings no more until enough is settled',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 10)
      const consumer = await connection.consume([queue], 4)
      const reader = new Reader(consumer)
      await bench.arrived(reader, 4)
      await consumer.setPrefetch(2)
      for (const delivery of reader.deliveries.slice(0, 2)) await delivery.ack()
      await bench.quiet()
      assert.equal(reader.deliveries.length, 4)
      await reader.deliveries[2]?.ack()
      await bench.arrived(reader, 5)
    },
  },
  {
    name: 'H36 a window below 0 is closed: nothing comes until it is raised, and nothing is lost by that',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const consumer = await connection.consume([queue], -1)
      const reader = new Reader(consumer, delivery => void delivery.ack())
      await bench.fill(connection, queue.name, 3)
      await bench.quiet()
      assert.deepEqual(reader.texts, [])
      await consumer.setPrefetch(2)
      await bench.arrived(reader, 3)
      await consumer.setPrefetch(-1)
      await bench.publish(connection, queue.name, '3')
      await bench.publish(connection, queue.name, '4')
      await bench.quiet()
      assert.equal(reader.deliveries.length, 3)
      await consumer.setPrefetch(1)
      await bench.arrived(reader, 5)
      assert.deepEqual(reader.texts, countTo(5))
    },
  },
  {
    name: 'consumers of one connection share a queue without leaving messages behind',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const readers = [
        new Reader(await connection.consume([queue], 1), delivery => void delivery.ack()),
        new Reader(await connection.consume([queue], 1)),
      ]
      await bench.quiet()
      for (let i = 0; i < 20; i++) await bench.publish(connection, queue.name, String(i))
      await bench.eventually('20 deliveries', () => readers.flatMap(reader => reader.texts).length === 20)
    },
  },
  {
    name: 'a get beside a waiting consumer does not make it miss a message',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await connection.declare({ queues: [OTHER] })
      const reader = new Reader(await connection.consume([queue, OTHER], 10), delivery => void delivery.ack())
      await bench.quiet()
      for (let i = 0; i < 10; i++) {
        const published = Promise.all([
          bench.publish(connection, queue.name, 'x'),
          bench.publish(connection, OTHER.name, 'y'),
        ])
        const taken = await connection.get(queue.name, 1)
        await published
        await Promise.all(taken.map(delivery => delivery.requeue({ counted: false })))
      }
      await bench.arrived(reader, 20)
    },
  },
  {
    name: 'a short queue is served beside an endless one',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await connection.declare({ queues: [OTHER] })
      await bench.fill(connection, queue.name, 500)
      await bench.fill(connection, OTHER.name, 3)
      let before = 0
      let missing = 3
      const consumer = await connection.consume([queue, OTHER], 10)
      const reader = new Reader(consumer, delivery => {
        if (delivery.queue === OTHER.name) missing--
        else if (missing > 0) before++
        void delivery.ack()
      })
      await bench.arrived(reader, 503)
      assert.equal(missing, 0)
      assert.ok(before <= 200, `${before} messages of the long queue came first`)
    },
  },
  {
    name: 'a queue added to a running consumer is consumed',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const consumer = await connection.consume([queue], 10)
      const reader = new Reader(consumer)
      await bench.quiet()
      await consumer.add(OTHER)
      await bench.publish(connection, OTHER.name, 'x')
      await bench.arrived(reader, 1)
      assert.equal(reader.deliveries[0]?.queue, OTHER.name)
    },
  },
  {
    name: 'a consumer without queues waits until one is added',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const consumer = await connection.consume([], 10)
      const reader = new Reader(consumer)
      await bench.quiet()
      assert.equal(reader.deliveries.length, 0)
      await consumer.add(queue)
      await bench.arrived(reader, 1)
    },
  },
  {
    name: 'after cancel nothing more comes from that queue, and what was claimed from it can be settled',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await connection.declare({ queues: [OTHER] })
      const consumer = await connection.consume([queue, OTHER], 10)
      const reader = new Reader(consumer)
      await bench.publish(connection, queue.name, '0')
      await bench.arrived(reader, 1)
      await consumer.cancel(queue.name)
      await bench.publish(connection, queue.name, '1')
      await bench.publish(connection, OTHER.name, '2')
      await bench.arrived(reader, 2)
      await bench.quiet()
      assert.deepEqual(reader.texts, ['0', '2'])
      assert.equal(await reader.deliveries[0]?.ack(), 'settled')
      assert.deepEqual(await bench.drain(connection, queue.name), ['1'])
    },
  },
  {
    name: 'a cancelled queue can be added again',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const consumer = await connection.consume([queue], 10)
      const reader = new Reader(consumer)
      await consumer.cancel(queue.name)
      await bench.publish(connection, queue.name, 'x')
      await bench.quiet()
      assert.equal(reader.deliveries.length, 0)
      await consumer.add(queue)
      await bench.arrived(reader, 1)
    },
  },
  {
    name: 'D82 what a consumer had claimed and nobody had iterated is handed back uncounted when it closes',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 6)
      const consumer = await connection.consume([queue], 3)
      if (bench.lacks('accounting')) await bench.quiet()
      else await bench.eventually('claims', async () => (await connection.stats(queue.name)).held === 3)
      await consumer[Symbol.asyncDispose]()
      const deliveries = await connection.get(queue.name, 10)
      assert.deepEqual(deliveries.map(textOf).toSorted(), countTo(6))
      if (!bench.lacks('faults')) assert.ok(deliveries.every(delivery => delivery.faults === 0))
    },
  },
  {
    name: 'D82 what was iterated before its consumer closed can still be settled',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 2)
      const consumer = await connection.consume([queue], 2)
      const reader = new Reader(consumer)
      await bench.arrived(reader, 2)
      await consumer[Symbol.asyncDispose]()
      assert.equal(await reader.deliveries[0]?.ack(), 'settled')
      assert.equal(await reader.deliveries[1]?.requeue({ counted: false }), 'settled')
      assert.deepEqual(await bench.drain(connection, queue.name), ['1'])
    },
  },
  {
    name: 'iteration ends when the consumer closes, and closing twice is fine',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const consumer = await connection.consume([queue], 2)
      const reader = new Reader(consumer)
      await consumer[Symbol.asyncDispose]()
      await consumer[Symbol.asyncDispose]()
      await bench.eventually('the end', () => reader.ended)
      await bench.publish(connection, queue.name, 'x')
      await bench.quiet()
      assert.deepEqual(reader.texts, [])
      assert.deepEqual(await bench.drain(connection, queue.name), ['x'])
    },
  },
  {
    name: 'one consumer serves a thousand queues',
    needs: ['many-queues'],
    async run(bench) {
      const connection = await bench.connect()
      const queues = countTo(1_000).map(text => ({ name: queueName(`queue-${text}`) }))
      const reader = new Reader(await connection.consume(queues, 50), delivery => void delivery.ack())
      await Promise.all(queues.map(queue => bench.publish(connection, queue.name, queue.name)))
      await bench.arrived(reader, 1_000)
      assert.ok(reader.deliveries.every(delivery => textOf(delivery) === delivery.queue))
      assert.equal(new Set(reader.texts).size, 1_000)
    },
  },
]
