import assert from 'node:assert/strict'
import { BrokerError, UnroutableError } from '../../brokers/errors.js'
import { queueName } from '../../protocol/ids.js'
import { type BrokerCase, Reader } from './broker-bench.js'

/** Looking at queues, emptying them, and the ends of queues and connections. */
export const QUEUES: readonly BrokerCase[] = [
  {
    name: 'a queue that does not exist has nothing in it',
    async run(bench) {
      const { connection } = await bench.queue()
      const { ready, held, delayed } = await connection.stats(queueName('nowhere'))
      assert.deepEqual([ready, held, delayed], [0, 0, 0])
      assert.equal(await connection.purge(queueName('nowhere')), 0)
    },
  },
  {
    name: 'all queues can be listed with what is in them',
    needs: ['enumeration'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await connection.declare({ queues: [{ name: queueName('other') }] })
      await bench.fill(connection, queue.name, 2)
      const found = (await connection.list()).map(stats => [stats.queue, stats.ready])
      assert.deepEqual(
        found.sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
        [
          ['other', 0],
          ['tasks', 2],
        ],
      )
    },
  },
  {
    name: 'the live consumers of a queue are counted, over all connections',
    needs: ['accounting'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const other = await bench.connect()
      const first = await connection.consume([queue], 1)
      await other.consume([queue], 1)
      const counts = [(await connection.stats(queue.name)).consumers]
      await first[Symbol.asyncDispose]()
      counts.push((await connection.stats(queue.name)).consumers)
      await other[Symbol.asyncDispose]()
      counts.push((await connection.stats(queue.name)).consumers)
      assert.deepEqual(counts, [2, 1, 0])
    },
  },
  {
    name: 'D64 a queue weighs about what the messages in it do, and nothing when it is empty',
    needs: ['weighing'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const weigh = async (): Promise<number> => (await connection.weigh?.(queue.name)) ?? Number.NaN
      assert.equal(await connection.weigh?.(queueName('nowhere')), 0)
      assert.equal(await weigh(), 0)
      const body = 'x'.repeat(10_000)
      for (let i = 0; i < 20; i++) await bench.publish(connection, queue.name, body)
      const full = await weigh()
      assert.ok(full >= 200_000 && full <= 400_000, `${full} bytes`)
      await connection.purge(queue.name)
      assert.equal(await weigh(), 0)
    },
  },
  {
    name: 'purge drops ready messages, says how many, and leaves held ones to their holder',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 5)
      const held = await bench.getOne(connection, queue.name)
      assert.equal(await connection.purge(queue.name), 4)
      assert.equal((await connection.stats(queue.name)).ready, 0)
      assert.equal(await held.requeue({ counted: false }), 'settled')
      assert.deepEqual(await bench.drain(connection, queue.name), ['0'])
    },
  },
  {
    name: 'purge drops delayed messages, too',
    needs: ['delays'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x', { notBefore: bench.place.now() + 3_600_000 })
      await bench.publish(connection, queue.name, 'y')
      assert.equal(await connection.purge(queue.name), 2)
      assert.equal((await connection.stats(queue.name)).delayed, 0)
    },
  },
  {
    name: 'an auto-delete queue goes with its last consumer, and its bindings with it',
    needs: ['auto-delete', 'enumeration'],
    async run(bench) {
      const connection = await bench.connect()
      const name = queueName('reply')
      const queue = { name, exchange: { name: 'replies', type: 'direct' }, routingKey: 'r', autoDelete: true } as const
      await connection.declare({ queues: [queue] })
      const consumers = [await connection.consume([queue], 1), await (await bench.connect()).consume([queue], 1)]
      await consumers[0]?.[Symbol.asyncDispose]()
      assert.equal((await connection.list()).length, 1)
      await consumers[1]?.[Symbol.asyncDispose]()
      assert.deepEqual(await connection.list(), [])
      assert.deepEqual(await connection.bindings(), [])
    },
  },
  {
    name: 'H18 an auto-delete queue that nobody has ever consumed goes after the session that declared it',
    needs: ['auto-delete'],
    async run(bench) {
      const other = await bench.connect()
      const owner = await bench.connect()
      const limits = { 'x-expires': Math.max(500, bench.times.delay) }
      const name = queueName('reply')
      await owner.declare({ queues: [{ name, autoDelete: true, arguments: limits }] })
      await bench.publish(other, name, 'x')
      await owner[Symbol.asyncDispose]()
      await bench.eventually('the end of the queue', async () => {
        const published = bench.publish(other, name, 'y')
        return await published.then(
          () => false,
          error => error instanceof UnroutableError,
        )
      })
    },
  },
  {
    name: 'H18 what nobody takes from a queue with a message TTL is dropped',
    needs: ['auto-delete', 'message-ttl'],
    async run(bench) {
      const ttl = bench.times.delay
      const { connection, queue } = await bench.queue({ autoDelete: true, arguments: { 'x-message-ttl': ttl } })
      await bench.fill(connection, queue.name, 3)
      await bench.eventually('an empty queue', async () => (await connection.stats(queue.name)).ready === 0)
      const reader = new Reader(await connection.consume([queue], 1), delivery => void delivery.ack())
      // Again and again: one of them is taken within its time, however slow this machine is.
      await bench.eventually('a fresh one', async () => {
        await bench.publish(connection, queue.name, 'fresh')
        return reader.deliveries.length > 0
      })
      assert.equal(reader.texts[0], 'fresh')
    },
  },
  {
    name: 'a closed connection says so, ends its consumers, and refuses further work',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const reader = new Reader(await connection.consume([queue], 1))
      await connection[Symbol.asyncDispose]()
      assert.deepEqual(await connection.closed, { kind: 'closed' })
      await bench.eventually('the end', () => reader.ended)
      for (const refused of [
        () => connection.declare({ queues: [queue] }),
        () => connection.consume([queue], 1),
        () => connection.get(queue.name, 1),
        () => connection.stats(queue.name),
        () => connection.purge(queue.name),
      ]) {
        await assert.rejects(refused, BrokerError)
      }
    },
  },
  {
    name: 'closing a connection twice is fine',
    async run(bench) {
      const { connection } = await bench.queue()
      await Promise.all([connection[Symbol.asyncDispose](), connection[Symbol.asyncDispose]()])
      await connection[Symbol.asyncDispose]()
      assert.deepEqual(await connection.closed, { kind: 'closed' })
    },
  },
  {
    name: 'D82 a closing connection sends the verdicts it was given and hands back the rest at once',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const other = await bench.connect()
      await bench.fill(connection, queue.name, 4)
      const reader = new Reader(await connection.consume([queue], 4))
      await bench.arrived(reader, 4)
      const acked = reader.deliveries[0]?.ack()
      await connection[Symbol.asyncDispose]()
      assert.equal(await acked, 'settled')
      assert.deepEqual(await bench.drain(other, queue.name), ['1', '2', '3'])
    },
  },
  {
    name: 'a verdict after its connection closed is stale',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const delivery = await bench.getOne(connection, queue.name)
      await connection[Symbol.asyncDispose]()
      assert.equal(await delivery.ack(), 'stale')
      assert.equal(await delivery.current(), false)
      assert.deepEqual(await bench.drain(await bench.connect(), queue.name), ['x'])
    },
  },
]
