import assert from 'node:assert/strict'
import type { Binding, Exchange, Queue } from '../../brokers/broker.js'
import { queueName } from '../../protocol/ids.js'
import type { BrokerCase } from './broker-bench.js'

const MAIL: Exchange = { name: 'mail', type: 'direct' }
const EVENTS: Exchange = { name: 'events', type: 'topic' }
const NEWS: Exchange = { name: 'news', type: 'fanout' }

const A: Queue = { name: queueName('a') }
const B: Queue = { name: queueName('b') }

/** Exchanges, queues and bindings. */
export const ROUTING: readonly BrokerCase[] = [
  {
    name: 'H37 what nobody has to want is dropped in silence when nobody does',
    async run(bench) {
      const { connection, queue } = await bench.queue(A)
      await connection.declare({ exchanges: [MAIL] })
      const fate = { mandatory: false } as const
      await bench.send(connection, { exchange: 'mail', routingKey: 'nobody' }, 'x', fate)
      await bench.publish(connection, queueName('nowhere'), 'x', fate)
      await bench.publish(connection, queue.name, 'y', fate)
      assert.deepEqual(await bench.drain(connection, queue.name), ['y'])
    },
  },
  {
    name: 'the default exchange delivers to the queue of that name, bound elsewhere or not',
    async run(bench) {
      const { connection } = await bench.queue({ ...A, exchange: MAIL, routingKey: 'k' })
      await bench.publish(connection, A.name, 'x')
      assert.deepEqual(await bench.drain(connection, A.name), ['x'])
    },
  },
  {
    name: 'a direct exchange delivers to every queue bound with exactly the routing key',
    async run(bench) {
      const connection = await bench.connect()
      await connection.declare({
        queues: [
          { ...A, exchange: MAIL, routingKey: 'k' },
          { ...B, exchange: MAIL, routingKey: 'k' },
          { name: queueName('c'), exchange: MAIL, routingKey: 'k.x' },
        ],
      })
      await bench.send(connection, { exchange: 'mail', routingKey: 'k' }, 'x')
      const ready = await Promise.all(['a', 'b', 'c'].map(name => connection.stats(queueName(name))))
      assert.deepEqual(
        ready.map(stats => stats.ready),
        [1, 1, 0],
      )
    },
  },
  {
    name: 'a topic exchange reads * as one word and # as any number of words',
    needs: ['topic'],
    async run(bench) {
      const connection = await bench.connect()
      await connection.declare({
        queues: [
          { ...A, exchange: EVENTS, routingKey: 'worker.#' },
          { ...B, exchange: EVENTS, routingKey: '*.sent' },
        ],
      })
      for (const routingKey of ['worker', 'worker.online', 'worker.online.now', 'task.sent']) {
        await bench.send(connection, { exchange: 'events', routingKey }, routingKey)
      }
      assert.deepEqual(await bench.drain(connection, A.name), ['worker', 'worker.online', 'worker.online.now'])
      assert.deepEqual(await bench.drain(connection, B.name), ['task.sent'])
    },
  },
  {
    name: 'a queue gets a message once, however many of its bindings match',
    needs: ['topic'],
    async run(bench) {
      const connection = await bench.connect()
      await connection.declare({
        queues: [
          { ...A, exchange: EVENTS, routingKey: '#' },
          { ...A, exchange: EVENTS, routingKey: 'task.*' },
        ],
      })
      await bench.send(connection, { exchange: 'events', routingKey: 'task.sent' }, 'x')
      assert.deepEqual(await bench.drain(connection, A.name), ['x'])
    },
  },
  {
    name: 'a fanout exchange delivers a copy to every bound queue, and each is settled by itself',
    needs: ['fanout'],
    async run(bench) {
      const connection = await bench.connect()
      await connection.declare({ queues: [A, B].map(queue => ({ ...queue, exchange: NEWS, routingKey: '' })) })
      await bench.send(connection, { exchange: 'news', routingKey: 'whatever' }, 'x')
      assert.deepEqual(await bench.drain(connection, A.name), ['x'])
      assert.deepEqual(await bench.drain(connection, B.name), ['x'])
    },
  },
  {
    name: 'topology declared over one connection is there for all',
    async run(bench) {
      const { connection } = await bench.queue({ ...A, exchange: MAIL, routingKey: 'k' })
      const other = await bench.connect()
      await bench.send(other, { exchange: 'mail', routingKey: 'k' }, 'x')
      assert.deepEqual(await bench.drain(connection, A.name), ['x'])
    },
  },
  {
    name: 'declaring again changes nothing, and keeps the messages',
    async run(bench) {
      const { connection, queue } = await bench.queue({ ...A, exchange: MAIL, routingKey: 'k' })
      await bench.publish(connection, A.name, 'x')
      await connection.declare({ exchanges: [MAIL], queues: [queue] })
      await bench.send(connection, { exchange: 'mail', routingKey: 'k' }, 'y')
      assert.deepEqual(await bench.drain(connection, A.name), ['x', 'y'])
    },
  },
  {
    name: 'all bindings can be listed, those of the default exchange left out',
    needs: ['enumeration', 'topic', 'fanout'],
    async run(bench) {
      const connection = await bench.connect()
      await connection.declare({
        queues: [
          { ...A, exchange: EVENTS, routingKey: 'task.#' },
          { ...A, exchange: NEWS, routingKey: '' },
          { ...B, exchange: MAIL, routingKey: 'k' },
          { name: queueName('c') },
        ],
      })
      const found = [...(await connection.bindings())].sort((a, b) => (a.exchange < b.exchange ? -1 : 1))
      assert.deepEqual(found, [
        { exchange: 'events', exchangeType: 'topic', routingKey: 'task.#', queue: A.name },
        { exchange: 'mail', exchangeType: 'direct', routingKey: 'k', queue: B.name },
        { exchange: 'news', exchangeType: 'fanout', routingKey: '', queue: A.name },
      ] satisfies Binding[])
    },
  },
]
