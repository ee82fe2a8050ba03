import assert from 'node:assert/strict'
import { BrokerError, NotSentError, UnroutableError } from '../../brokers/errors.js'
import { queueName } from '../../protocol/ids.js'
import { type BrokerCase, countTo, messageOf } from './broker-bench.js'

/** Publishing: reliability §2. */
export const PUBLISHING: readonly BrokerCase[] = [
  {
    name: 'D01 a published message is in the queue when its promise resolves',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      assert.equal((await connection.stats(queue.name)).ready, 1)
    },
  },
  {
    name: 'D03 a message for a queue that does not exist is refused, and the error says which',
    async run(bench) {
      const { connection } = await bench.queue()
      await assert.rejects(bench.publish(connection, queueName('nowhere'), 'x'), error => {
        assert.ok(error instanceof UnroutableError)
        assert.match(error.message, /nowhere/)
        assert.equal(error.transient, false)
        return true
      })
    },
  },
  {
    name: 'D03 a message that no binding matches is refused, and the error names exchange and routing key',
    async run(bench) {
      const { connection } = await bench.queue({ exchange: { name: 'mail', type: 'direct' }, routingKey: 'in' })
      await assert.rejects(bench.send(connection, { exchange: 'mail', routingKey: 'out' }, 'x'), error => {
        assert.ok(error instanceof UnroutableError)
        assert.match(error.message, /mail/)
        assert.match(error.message, /out/)
        return true
      })
    },
  },
  {
    name: 'D03 an unroutable message does not touch the others of its turn',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const fates = await Promise.allSettled([
        bench.publish(connection, queue.name, '0'),
        bench.publish(connection, queueName('nowhere'), 'x'),
        bench.publish(connection, queue.name, '1'),
      ])
      assert.deepEqual(
        fates.map(fate => fate.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.deepEqual(await bench.drain(connection, queue.name), ['0', '1'])
    },
  },
  {
    name: 'D05 a repeated publish id inserts nothing and resolves',
    needs: ['dedupe'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'first', { publishId: 'same' })
      await bench.publish(connection, queue.name, 'again', { publishId: 'same' })
      assert.deepEqual(await bench.drain(connection, queue.name), ['first'])
    },
  },
  {
    name: 'D05 a publish id repeated within one turn inserts nothing',
    needs: ['dedupe'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await Promise.all([
        bench.publish(connection, queue.name, 'first', { publishId: 'same' }),
        bench.publish(connection, queue.name, 'again', { publishId: 'same' }),
      ])
      assert.deepEqual(await bench.drain(connection, queue.name), ['first'])
    },
  },
  {
    name: 'D05 a publish id repeated over another connection, after the message was acked, inserts nothing',
    needs: ['dedupe'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const other = await bench.connect()
      await bench.publish(connection, queue.name, 'first', { publishId: 'same' })
      await bench.drain(connection, queue.name)
      await bench.publish(other, queue.name, 'again', { publishId: 'same' })
      assert.deepEqual(await bench.drain(connection, queue.name), [])
    },
  },
  {
    name: 'D05 the publish id of a message that reached no queue is not used up',
    needs: ['dedupe'],
    async run(bench) {
      const connection = await bench.connect()
      const name = queueName('later')
      await assert.rejects(bench.publish(connection, name, 'x', { publishId: 'same' }), UnroutableError)
      await connection.declare({ queues: [{ name }] })
      await bench.publish(connection, name, 'x', { publishId: 'same' })
      assert.deepEqual(await bench.drain(connection, name), ['x'])
    },
  },
  {
    name: 'D06 publishing on a closed connection is certainly not sent',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await connection[Symbol.asyncDispose]()
      await assert.rejects(bench.publish(connection, queue.name, 'x'), NotSentError)
    },
  },
  {
    name: 'D06 publishing with a signal that has fired is certainly not sent',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const signal = AbortSignal.abort(new Error('no time'))
      await assert.rejects(bench.publish(connection, queue.name, 'x', { signal }), NotSentError)
      assert.equal((await connection.stats(queue.name)).ready, 0)
    },
  },
  {
    name: 'D07 messages published one after another are handed out in that order',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      for (const text of countTo(20)) await bench.publish(connection, queue.name, text)
      assert.deepEqual(await bench.drain(connection, queue.name), countTo(20))
    },
  },
  {
    name: 'D07 messages of one turn are handed out, and their promises resolve, in the order they were published',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const resolved: string[] = []
      await Promise.all(
        countTo(50).map(text => bench.publish(connection, queue.name, text).then(() => resolved.push(text))),
      )
      assert.deepEqual(resolved, countTo(50))
      assert.deepEqual(await bench.drain(connection, queue.name), countTo(50))
    },
  },
  {
    name: 'what was published before closing is sent before the connection closes',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const other = await bench.connect()
      const published = bench.publish(connection, queue.name, 'x')
      await connection[Symbol.asyncDispose]()
      await published
      assert.deepEqual(await bench.drain(other, queue.name), ['x'])
    },
  },
  {
    name: 'L20 more publishes of one turn than may be unconfirmed all arrive',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 2_500)
      assert.deepEqual(await bench.drain(connection, queue.name), countTo(2_500))
    },
  },
  {
    name: 'an exchange declared with another type is refused',
    needs: ['topic'],
    async run(bench) {
      const connection = await bench.connect()
      await connection.declare({ exchanges: [{ name: 'mail', type: 'direct' }] })
      const again = connection.declare({ exchanges: [{ name: 'mail', type: 'topic' }] })
      await assert.rejects(again, error => error instanceof BrokerError && !error.transient)
    },
  },
  {
    name: 'a message keeps its address',
    async run(bench) {
      const { connection, queue } = await bench.queue({ exchange: { name: 'mail', type: 'direct' }, routingKey: 'in' })
      const before = bench.place.now()
      const to = { exchange: 'mail', routingKey: 'in' }
      await connection.publish(messageOf('x'), to, { publishId: bench.publishId() })
      const delivery = await bench.getOne(connection, queue.name)
      assert.deepEqual([delivery.exchange, delivery.routingKey, delivery.queue], ['mail', 'in', queue.name])
      if (delivery.enqueuedAt !== undefined) {
        assert.ok(delivery.enqueuedAt >= before - 1 && delivery.enqueuedAt <= bench.place.now() + 1)
      }
    },
  },
]
