import assert from 'node:assert/strict'
import { type BrokerBench, type BrokerCase, countTo, Reader, textOf } from './broker-bench.js'
import type { BrokerCapability } from './broker-harness.js'

const LEASES: readonly BrokerCapability[] = ['leases']

/** What happens to messages whose holder dies, stops, or lives long: reliability §3.1. */
export const LEASING: readonly BrokerCase[] = [
  {
    name: 'D22 a live holder keeps its message however long it takes',
    needs: LEASES,
    async run(bench) {
      const { connection, queue } = await bench.queue()
      const other = await bench.connect()
      await bench.publish(connection, queue.name, 'x')
      const delivery = await bench.getOne(connection, queue.name)
      for (let looks = 0; looks < 10; looks++) {
        await bench.place.pass(bench.times.long / 10)
        assert.deepEqual(await other.get(queue.name, 1), [])
        assert.equal(connection.suspect(), false)
      }
      assert.equal(await delivery.ack(), 'settled')
    },
  },
  {
    name: 'D23 the messages of a dead holder are ready again within the bound, and not before its lease ran out',
    needs: LEASES,
    async run(bench) {
      const { holder, other, queue } = await heldBySomebody(bench, 1)
      const frozenAt = bench.place.now()
      await holder.freeze()
      await bench.place.pass(bench.times.lease / 2)
      const { ready } = await other.stats(queue)
      // Where this machine stood still meanwhile, the lease may be over.
      if (bench.place.now() < frozenAt + 0.7 * bench.times.lease) assert.equal(ready, 0)
      await bench.eventually(
        'the message',
        async () => (await other.stats(queue)).ready === 1,
        bench.times.detect - bench.times.lease / 2,
      )
    },
  },
  {
    name: 'D21 a verdict that comes after the message went to somebody else is stale and changes nothing',
    needs: LEASES,
    async run(bench) {
      const { holder, other, queue, deliveries } = await heldBySomebody(bench, 2)
      await holder.freeze()
      const again = [await bench.awaitOne(other, queue), await bench.awaitOne(other, queue)]
      assert.equal(await deliveries[0]?.ack(), 'stale')
      assert.equal(await deliveries[1]?.requeue({ counted: true }), 'stale')
      assert.deepEqual(await Promise.all(again.map(delivery => delivery.current())), [true, true])
      assert.deepEqual(await Promise.all(again.map(delivery => delivery.ack())), ['settled', 'settled'])
      assert.deepEqual(await bench.drain(other, queue), [])
    },
  },
  {
    name: 'D25 a holder that has not renewed suspects itself before its lease runs out, and can ask',
    needs: LEASES,
    async run(bench) {
      const { holder, other, queue, deliveries } = await heldBySomebody(bench, 1)
      assert.equal(holder.connection.suspect(), false)
      await holder.freeze()
      await bench.place.pass(bench.times.lease)
      assert.equal(holder.connection.suspect(), true)
      await bench.awaitOne(other, queue)
      assert.equal(await deliveries[0]?.current(), false)
    },
  },
  {
    name: 'D26 however many sweep at the same time, a dead holder is restored once, in its queue, priority and order',
    needs: ['leases', 'priorities'],
    async run(bench) {
      const { connection, queue } = await bench.queue({ maxPriority: 10 })
      const holder = await bench.holder()
      for (let i = 0; i < 3; i++) await bench.connect()
      for (const [text, priority] of [
        ['0', 5],
        ['1', 9],
        ['2', 5],
      ] as const) {
        await bench.publish(connection, queue.name, text, { properties: { priority } })
      }
      await holder.connection.get(queue.name, 3)
      await holder.freeze()
      await bench.eventually('three messages', async () => (await connection.stats(queue.name)).ready === 3)
      await bench.place.pass(bench.times.detect)
      assert.deepEqual(await bench.drain(connection, queue.name), ['1', '0', '2'])
    },
  },
  {
    name: 'D27 restored messages come before younger ones and are flagged as redelivered',
    needs: ['leases', 'old-place'],
    async run(bench) {
      const { holder, other, queue } = await heldBySomebody(bench, 2)
      await holder.freeze()
      await bench.publish(other, queue, 'younger')
      await bench.eventually('all three', async () => (await other.stats(queue)).ready === 3)
      const deliveries = await other.get(queue, 3)
      assert.deepEqual(deliveries.map(textOf), ['0', '1', 'younger'])
      assert.deepEqual(
        deliveries.map(delivery => delivery.redelivered),
        [true, true, false],
      )
    },
  },
  {
    name: 'D40 being restored from a dead holder is counted as a fault',
    needs: ['leases', 'faults'],
    async run(bench) {
      const { holder, other, queue } = await heldBySomebody(bench, 1)
      await holder.freeze()
      assert.equal((await bench.awaitOne(other, queue)).faults, 1)
    },
  },
  {
    name: 'D40 a later death counts only against what had begun: what merely waited keeps its count',
    needs: ['leases', 'faults'],
    async run(bench) {
      const { connection: last, queue } = await bench.queue()
      await bench.fill(last, queue.name, 2)
      for (const round of [1, 2]) {
        const holder = await bench.holder()
        const [first] = await holder.connection.get(queue.name, 2)
        if (round === 2) assert.equal(await first?.begin(), 'settled')
        await holder.freeze()
        await bench.eventually('both messages', async () => (await last.stats(queue.name)).ready === 2)
      }
      const after = await last.get(queue.name, 2)
      assert.deepEqual(
        after.map(delivery => [delivery.faults, delivery.begun]),
        [
          [2, true],
          [1, false],
        ],
      )
    },
  },
  {
    name: 'D40 one whose refusal as poison is cut off by a death comes as it was',
    needs: ['leases', 'faults'],
    async run(bench) {
      const { connection: last, queue } = await failedOnce(bench)
      const holder = await bench.holder()
      const [condemned] = await holder.connection.get(queue.name, 1)
      assert.deepEqual([condemned?.faults, condemned?.begun], [1, true])
      assert.equal(await condemned?.condemn(), 'settled')
      await holder.freeze()
      while ((await last.stats(queue.name)).ready < 1) await bench.place.pass(bench.times.lease)
      const [after] = await last.get(queue.name, 1)
      assert.equal(after?.begun, true)
    },
  },
  {
    name: 'D60 what has begun and failed stays marked, whoever it only waits with, and however that one ends',
    needs: ['leases', 'faults'],
    async run(bench) {
      const { connection: last, queue } = await failedOnce(bench)
      const marks: unknown[] = []
      const [returned] = await last.get(queue.name, 1)
      marks.push([returned?.faults, returned?.begun])
      await returned?.requeue({ counted: false })
      const [begun] = await last.get(queue.name, 1)
      marks.push([begun?.faults, begun?.begun])
      await begun?.begin()
      await begun?.requeue({ counted: false })
      for (const dies of [false, true]) {
        const holder = await bench.holder()
        const [held] = await holder.connection.get(queue.name, 1)
        marks.push([held?.faults, held?.begun])
        if (dies) await holder.freeze()
        else await holder.connection[Symbol.asyncDispose]()
        await bench.eventually('it is back', async () => (await last.stats(queue.name)).ready === 1)
      }
      const [after] = await last.get(queue.name, 1)
      marks.push([after?.faults, after?.begun])
      assert.deepEqual(marks, Array(5).fill([1, true]))
    },
  },
  {
    name: 'D40 what has begun is still held, and a clean hand-back takes the mark away',
    needs: ['faults'],
    async run(bench) {
      const { connection, queue } = await bench.queue()
      await bench.fill(connection, queue.name, 1)
      const [delivery] = await connection.get(queue.name, 1)
      assert.equal(delivery?.begun, false)
      assert.equal(await delivery?.begin(), 'settled')
      assert.equal(await delivery?.current(), true)
      assert.equal((await connection.stats(queue.name)).held, 1)
      await delivery?.requeue({ counted: false })
      const [again] = await connection.get(queue.name, 1)
      assert.deepEqual([again?.faults, again?.begun], [0, false])
      await again?.requeue({ counted: true })
      const [counted] = await connection.get(queue.name, 1)
      assert.deepEqual([counted?.faults, counted?.begun], [1, true])
      await counted?.ack()
      assert.equal(await counted?.begin(), 'stale')
    },
  },
  {
    name: 'D40 being handed back by a connection that closes is not counted as a fault',
    needs: ['faults'],
    async run(bench) {
      const { holder, other, queue } = await heldBySomebody(bench, 2)
      await holder.connection[Symbol.asyncDispose]()
      const deliveries = await other.get(queue, 2)
      assert.deepEqual(deliveries.map(textOf), countTo(2))
      assert.deepEqual(
        deliveries.map(({ faults, redelivered }) => [faults, redelivered]),
        [
          [0, true],
          [0, true],
        ],
      )
    },
  },
  {
    name: 'D28 messages restored from a dead holder reach a consumer that waits',
    needs: LEASES,
    async run(bench) {
      const { holder, other, queue } = await heldBySomebody(bench, 3)
      const reader = new Reader(await other.consume([{ name: queue }], 10))
      await holder.freeze()
      await bench.arrived(reader, 3)
      assert.deepEqual(reader.texts, countTo(3))
    },
  },
  {
    name: 'D28 a holder that stood still too long can consume again, over a new connection if it lost its own',
    needs: LEASES,
    async run(bench) {
      const { holder, other, queue } = await heldBySomebody(bench, 1)
      let lost = false
      void holder.connection.closed.then(() => {
        lost = true
      })
      await holder.freeze()
      await (await bench.awaitOne(other, queue)).ack()
      await holder.thaw()
      await bench.place.pass(bench.times.lease)
      const connection = lost ? await bench.connect() : holder.connection
      const reader = new Reader(await connection.consume([{ name: queue }], 1))
      await bench.publish(other, queue, 'again')
      await bench.arrived(reader, 1)
      assert.deepEqual(reader.texts, ['again'])
    },
  },
]

/** `count` messages, held by a connection that can be frozen, and another connection that looks on. */
async function heldBySomebody(bench: BrokerBench, count: number) {
  const { connection: other, queue } = await bench.queue()
  const holder = await bench.holder()
  await bench.fill(other, queue.name, count)
  const deliveries = await holder.connection.get(queue.name, count)
  assert.equal(deliveries.length, count)
  return { holder, other, queue: queue.name, deliveries }
}

/** A queue with one message, which had begun and come back as a fault, and the connection that knows it. */
async function failedOnce(bench: BrokerBench) {
  const { connection, queue } = await bench.queue()
  await bench.fill(connection, queue.name, 1)
  const [failed] = await connection.get(queue.name, 1)
  await failed?.requeue({ counted: true })
  return { connection, queue }
}
