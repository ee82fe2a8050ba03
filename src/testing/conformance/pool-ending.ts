import assert from 'node:assert/strict'
import { has, kind, type PoolCase } from './pool-bench.js'
import { isAlive } from './pool-tasks.js'

export const ENDING: readonly PoolCase[] = [
  {
    name: 'a kill ends the execution at once, says why, and its slot is free',
    run: async bench => {
      const pool = await bench.open(1)
      const running = bench.begin(pool, 'pool.wait', 1000)
      await bench.within(running.accepted, 'its acceptance')
      running.interrupt({ kind: 'hard-time-limit', limit: 20 })
      running.kill('SIGKILL')
      has(await bench.outcome(running), { kind: 'timed-out', limit: 20, hard: true })
      assert.equal(pool.stats().running, 0)
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'a kill after the end hits nobody',
    run: async bench => {
      const pool = await bench.open(1)
      const done = bench.begin(pool, 'pool.echo', 1)
      await bench.outcome(done)
      const next = bench.begin(pool, 'pool.wait', 100)
      done.interrupt({ kind: 'terminated', signal: 'SIGTERM' })
      done.kill('SIGKILL')
      assert.equal(kind(await bench.outcome(next), 'succeeded').value, 'waited')
    },
  },
  {
    name: 'H46 F61 busy loops in all slots end at once, and the next calls run',
    needs: ['killing'],
    run: async bench => {
      const pool = await bench.open(2)
      const spinning = [bench.begin(pool, 'pool.spin'), bench.begin(pool, 'pool.spin')]
      for (const one of spinning) await bench.within(one.accepted, 'its acceptance')
      for (const one of spinning) {
        one.interrupt({ kind: 'hard-time-limit', limit: 20 })
        one.kill('SIGKILL')
      }
      for (const one of spinning) assert.ok(kind(await bench.outcome(one), 'timed-out').hard)
      for (let n = 0; n < 20; n++) assert.equal(await bench.value(pool, 'pool.echo', n), n)
    },
  },
  {
    name: 'H60 a signal that is ignored is followed by force',
    needs: ['killing', 'processes'],
    run: async bench => {
      const pool = await bench.open(1)
      const deaf = bench.begin(pool, 'pool.deaf')
      const pid = Number(await bench.state('DEAF'))
      deaf.interrupt({ kind: 'terminated', signal: 'SIGTERM' })
      deaf.kill('SIGTERM')
      // Twice at once is once.
      deaf.kill('SIGTERM')
      has(await bench.outcome(deaf), { kind: 'cancelled', why: 'terminated' })
      assert.equal(isAlive(pid), false)
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'H46 F61 what a killed process has started goes with it',
    needs: ['processes'],
    run: async bench => {
      const pool = await bench.open(1)
      const family = bench.begin(pool, 'pool.family')
      const grandchild = Number(await bench.state('FAMILY'))
      assert.ok(isAlive(grandchild))
      family.kill('SIGKILL')
      kind(await bench.outcome(family), 'lost')
      await bench.eventually('the end of the grandchild', () => !isAlive(grandchild))
    },
  },
  ...[0, 3].map(
    (code): PoolCase => ({
      name: `process.exit(${code}) in a task takes nothing else with it`,
      needs: ['isolation'],
      run: async bench => {
        const pool = await bench.open(2)
        const other = bench.begin(pool, 'pool.wait', 300)
        assert.equal(kind(await bench.run(pool, 'pool.exit', code), 'lost').exit, `exitcode ${code}`)
        assert.equal(kind(await bench.outcome(other), 'succeeded').value, 'waited')
        assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
      },
    }),
  ),
  {
    name: 'a process that is killed from outside is a lost call, and is replaced',
    needs: ['processes'],
    run: async bench => {
      const pool = await bench.open(1)
      assert.equal(kind(await bench.run(pool, 'pool.kill-itself'), 'lost').exit, 'signal 9 (SIGKILL)')
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'an exception that nobody catches fails its task',
    needs: ['isolation'],
    run: async bench => {
      const pool = await bench.open(1)
      const { error } = kind(await bench.run(pool, 'pool.stray'), 'failed')
      assert.deepEqual(error, { type: 'ValueError', args: ['nobody catches'], module: 'builtins' })
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
]
