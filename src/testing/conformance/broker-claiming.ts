import assert from 'node:assert/strict'
import { queueName } from '../../protocol/ids.js'
import { type BrokerCase, countTo, Reader, textOf } from './broker-bench.js'

/** Claims, verdicts, order: reliability §3 and §6, as far as nobody dies. */
export const CLAIMING: readonly BrokerCase[] = [
  {
    name: 'D20 consumers of several connections never share a message, and none is left out',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const readers: Reader[] = []
      for (let i = 0; i < 4; i++) {
        const consumer = await (await bench.connect()).consume([queue], 3)
        readers.push(new Reader(consumer, delivery => void delivery.ack()))
      }
      await bench.fill(connection, queue.name, 200)
      const texts = (): readonly string[] => readers.flatMap(reader => reader.texts)
      await bench.eventually('200 deliveries', () => texts().length >= 200)
      await bench.quiet()
      assert.deepEqual(texts().toSorted(), countTo(200).toSorted())
    },
  },
  {
    name: 'D20 every message is ready, delayed or held at every look',
    needs: ['accounting'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 5)
      const [first, second] = await connection.get(queue.name, 2)
      const looks = [await connection.stats(queue.name)]
      await first?.ack()
      looks.push(await connection.stats(queue.name))
      await second?.requeue({ counted: false })
      looks.push(await connection.stats(queue.name))
      assert.deepEqual(
        looks.map(({ ready, held, delayed }) => [ready, held, delayed]),
        [
          [3, 2, 0],
          [3, 1, 0],
          [4, 0, 0],
        ],
      )
    },
  },
  {
    name: 'D21 a second verdict on the same delivery is stale',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const delivery = await bench.getOne(connection, queue.name)
      assert.equal(await delivery.ack(), 'settled')
      assert.equal(await delivery.ack(), 'stale')
      assert.equal(await delivery.requeue({ counted: true }), 'stale')
      assert.deepEqual(await bench.drain(connection, queue.name), [])
    },
  },
  {
    name: 'D21 the token of an earlier delivery of a message says nothing about a later one',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const first = await bench.getOne(connection, queue.name)
      await first.requeue({ counted: false })
      const second = await bench.getOne(connection, queue.name)
      assert.equal(await first.current(), false)
      assert.equal(await second.current(), true)
      assert.equal(await first.ack(), 'stale')
      assert.equal(await second.ack(), 'settled')
    },
  },
  {
    name: 'verdicts of one turn are each answered by their own fate',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 3)
      const [a, b, c] = await connection.get(queue.name, 3)
      const answers = await Promise.all([a?.ack(), b?.requeue({ counted: true }), a?.ack(), c?.ack()])
      assert.deepEqual(answers, ['settled', 'settled', 'stale', 'settled'])
      assert.deepEqual(await bench.drain(connection, queue.name), ['1'])
    },
  },
  {
    name: 'a message is flagged as redelivered from its second delivery on',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const first = await bench.getOne(connection, queue.name)
      await first.requeue({ counted: false })
      const second = await bench.getOne(connection, queue.name)
      assert.deepEqual([first.redelivered, second.redelivered], [false, true])
    },
  },
  {
    name: 'D40 a requeue after a fault is counted, a clean one is not',
    needs: ['faults'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const seen: number[] = []
      for (const counted of [true, false, true, false]) {
        const delivery = await bench.getOne(connection, queue.name)
        seen.push(delivery.faults)
        await delivery.requeue({ counted })
      }
      assert.deepEqual(seen, [0, 1, 1, 2])
    },
  },
  {
    name: 'D45 the later of two claims has the larger number, at every connection',
    needs: ['claim-order'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const other = await bench.connect()
      await bench.fill(connection, queue.name, 2)
      const first = await bench.getOne(connection, queue.name)
      const second = await bench.getOne(other, queue.name)
      await first.requeue({ counted: false })
      const third = await bench.getOne(other, queue.name)
      assert.ok(first.claim < second.claim && second.claim < third.claim)
    },
  },
  {
    name: 'D45 no two claims of a connection have one number, though they are of one instant',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 40)
      const claims = (await connection.get(queue.name, 40)).map(({ claim }) => claim)
      assert.deepEqual([claims.length, new Set(claims).size], [40, 40])
    },
  },
  {
    name: 'D27 a requeued message takes its old place',
    needs: ['old-place'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 4)
      const [, second, third] = await connection.get(queue.name, 3)
      await third?.requeue({ counted: false })
      await second?.requeue({ counted: true })
      assert.deepEqual(await bench.drain(connection, queue.name), ['1', '2', '3'])
    },
  },
  {
    name: 'a requeued message reaches a consumer that waits',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const delivery = await bench.getOne(connection, queue.name)
      const reader = new Reader(await (await bench.connect()).consume([queue], 1))
      await bench.quiet()
      await delivery.requeue({ counted: false })
      await bench.arrived(reader, 1)
    },
  },
  {
    name: 'a higher priority is handed out first, equal ones by age',
    needs: ['priorities'],
    async run(bench) {
      const { connection, queue } = await bench.queue({ maxPriority: 10 })
      for (const [text, priority] of [
        ['low', 0],
        ['high', 9],
        ['none', undefined],
        ['middle', 5],
        ['high too', 9],
      ] as const) {
        const properties = priority === undefined ? {} : { priority }
        await bench.publish(connection, queue.name, text, { properties })
      }
      assert.deepEqual(await bench.drain(connection, queue.name), ['high', 'high too', 'middle', 'low', 'none'])
    },
  },
  {
    name: "a priority above the queue's highest counts as that",
    needs: ['priorities'],
    async run(bench) {
      const { connection, queue } = await bench.queue({ maxPriority: 3 })
      await bench.publish(connection, queue.name, 'three', { properties: { priority: 3 } })
      await bench.publish(connection, queue.name, 'nine', { properties: { priority: 9 } })
      await bench.publish(connection, queue.name, 'two', { properties: { priority: 2 } })
      assert.deepEqual(await bench.drain(connection, queue.name), ['three', 'nine', 'two'])
    },
  },
  {
    name: 'a requeued message keeps its priority',
    needs: ['priorities', 'old-place'],
    async run(bench) {
      const { connection, queue } = await bench.queue({ maxPriority: 10 })
      await bench.publish(connection, queue.name, 'low', { properties: { priority: 1 } })
      await (await bench.getOne(connection, queue.name)).requeue({ counted: false })
      await bench.publish(connection, queue.name, 'high', { properties: { priority: 2 } })
      assert.deepEqual(await bench.drain(connection, queue.name), ['high', 'low'])
    },
  },
  {
    name: 'a delayed message is handed out when it is due, and not before',
    needs: ['delays'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      // One so late that no standstill of this machine comes near it, and one that is waited for.
      await bench.publish(connection, queue.name, 'late', { notBefore: bench.place.now() + 3_600_000 })
      const { ready, delayed } = await connection.stats(queue.name)
      assert.deepEqual([ready, delayed], [0, 1])
      assert.deepEqual(await bench.drain(connection, queue.name), [])
      const notBefore = bench.place.now() + bench.times.delay
      await bench.publish(connection, queue.name, 'x', { notBefore })
      const delivery = await bench.awaitOne(connection, queue.name)
      assert.ok(bench.place.now() >= notBefore)
      assert.equal(textOf(delivery), 'x')
    },
  },
  {
    name: 'a delayed message that becomes due wakes a consumer that waits',
    needs: ['delays'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const cameAt = new Map<string, number>()
      const reader = new Reader(await connection.consume([queue], 10), one =>
        cameAt.set(textOf(one), bench.place.now()),
      )
      const sooner = bench.place.now() + bench.times.delay
      const later = sooner + bench.times.delay
      await bench.publish(connection, queue.name, 'later', { notBefore: later })
      await bench.publish(connection, queue.name, 'sooner', { notBefore: sooner })
      await bench.arrived(reader, 2)
      // In whichever order, where this machine stood still until both were due.
      assert.deepEqual([...cameAt.keys()].sort(), ['later', 'sooner'])
      assert.ok((cameAt.get('sooner') ?? 0) >= sooner && (cameAt.get('later') ?? 0) >= later)
    },
  },
  {
    name: 'a message whose delay has passed already is handed out at once',
    needs: ['delays'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x', { notBefore: bench.place.now() - 1_000 })
      assert.deepEqual(await bench.drain(connection, queue.name), ['x'])
    },
  },
  {
    name: 'a message requeued with a delay comes back after it',
    needs: ['parking'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.publish(connection, queue.name, 'x')
      const delivery = await bench.getOne(connection, queue.name)
      const before = bench.place.now()
      await delivery.requeue({ counted: true, delay: bench.times.delay })
      const again = await bench.awaitOne(connection, queue.name)
      assert.ok(bench.place.now() >= before + bench.times.delay - 1)
      assert.equal(textOf(again), 'x')
    },
  },
  {
    name: 'get takes the oldest messages up to its limit and holds them until they are settled',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 5)
      const held = await connection.get(queue.name, 2)
      assert.deepEqual(held.map(textOf), ['0', '1'])
      assert.deepEqual((await connection.get(queue.name, 10)).map(textOf), ['2', '3', '4'])
    },
  },
  {
    name: 'get from an empty queue, or from none, answers at once with nothing',
    async run(bench) {
      const { connection, queue } = await bench.queue()
      assert.deepEqual(await connection.get(queue.name, 1), [])
      assert.deepEqual(await connection.get(queueName('nowhere'), 1), [])
    },
  },
]
