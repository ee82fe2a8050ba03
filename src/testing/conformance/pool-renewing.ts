import assert from 'node:assert/strict'
import type { Pool } from '../../pools/pool.js'
import { kind, type PoolBench, type PoolCase } from './pool-bench.js'
import { isAlive } from './pool-tasks.js'

/** Runs so many calls, all slots at a time, and counts by member how many each ran. */
async function countByMember(bench: PoolBench, pool: Pool, calls: number): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>()
  let left = calls
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const running = bench.begin(pool, 'pool.leave-open')
      kind(await bench.outcome(running), 'succeeded')
      const member = running.where?.pid ?? 0
      counts.set(member, (counts.get(member) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: pool.size }, lane))
  return counts
}

export const RENEWING: readonly PoolCase[] = [
  ...(
    [
      [1, 6],
      [7, 30],
    ] as const
  ).map(
    ([limit, calls]): PoolCase => ({
      name: `H44 a child that has run ${limit} of ${limit} calls gets no other, and none is lost by that`,
      needs: ['renewal'],
      run: async bench => {
        const pool = await bench.open(2, { maxTasksPerChild: limit })
        const counts = await countByMember(bench, pool, calls)
        assert.equal(
          [...counts.values()].reduce((sum, count) => sum + count, 0),
          calls,
        )
        assert.ok(Math.max(...counts.values()) <= limit, JSON.stringify([...counts]))
        assert.ok(counts.size >= calls / limit)
      },
    }),
  ),
  {
    name: 'H44 a child that has grown too large is replaced after its call',
    needs: ['renewal'],
    run: async bench => {
      const pool = await bench.open(1, { maxMemoryPerChild: 300_000 })
      const [before] = pool.stats().members
      kind(await bench.run(pool, 'pool.grow', 400_000), 'succeeded')
      await bench.eventually('another member', () => {
        const { members } = pool.stats()
        return members.length === 1 && members[0] !== before
      })
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'it grows at once, and shrinks by its idle slots only',
    run: async bench => {
      const pool = await bench.open(1)
      await pool.resize(3)
      const running = [1, 2, 3].map(() => bench.begin(pool, 'pool.heed'))
      for (const one of running) await bench.within(one.accepted, 'its acceptance')
      await assert.rejects(pool.resize(1), { code: 'LVG_POOL_BUSY' })
      assert.equal(pool.size, 3)
      running[0]?.interrupt({ kind: 'shutdown' })
      if (running[0] !== undefined) await bench.outcome(running[0])
      await assert.rejects(pool.resize(1), { code: 'LVG_POOL_BUSY' })
      assert.equal(pool.size, 2)
      for (const one of running) one.interrupt({ kind: 'shutdown' })
      for (const one of running) await bench.outcome(one)
      await pool.resize(1)
      await bench.eventually('one member', () => pool.stats().members.length === 1)
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'a restart replaces every member, and running calls end where they run',
    needs: ['renewal'],
    run: async bench => {
      const pool = await bench.open(2)
      const before = pool.stats().members
      const running = bench.begin(pool, 'pool.heed')
      const { pid } = await bench.within(running.accepted, 'its acceptance')
      await bench.within(pool.restart(), 'the restart')
      running.interrupt({ kind: 'shutdown' })
      kind(await bench.outcome(running), 'cancelled')
      assert.ok(before.includes(pid))
      await bench.eventually('new members only', () => {
        const { members } = pool.stats()
        return members.length === 2 && members.every(member => !before.includes(member))
      })
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'its figures say what was asked for, who is there, and what each was given',
    run: async bench => {
      const pool = await bench.open(1, { maxTasksPerChild: 50, maxMemoryPerChild: 4_000_000 })
      for (let n = 0; n < 3; n++) await bench.value(pool, 'pool.echo', n)
      const { kind: name, size, initialSize, running, members, handed, handedTotal } = pool.stats()
      assert.deepEqual([name, size, initialSize, running], [pool.kind, 1, 1, 0])
      assert.deepEqual([members.length, handed, handedTotal], [1, [3], 3])
    },
  },
  {
    name: 'closing it ends idle and busy members',
    needs: ['processes'],
    run: async bench => {
      const pool = await bench.open(2)
      const { members } = pool.stats()
      const spinning = bench.begin(pool, 'pool.spin')
      await bench.within(spinning.accepted, 'its acceptance')
      await bench.within(Promise.resolve(pool[Symbol.asyncDispose]()), 'its end')
      await bench.outcome(spinning)
      assert.deepEqual(members.filter(isAlive), [])
    },
  },
]
