import assert from 'node:assert/strict'
import type { Interrupt } from '../../pools/pool.js'
import { Decimal } from '../../protocol/values.js'
import { has, kind, type PoolCase } from './pool-bench.js'

const INTERRUPTS: readonly (readonly [reason: Interrupt, outcome: Readonly<Record<string, unknown>>])[] = [
  [
    { kind: 'soft-time-limit', limit: 50 },
    { kind: 'timed-out', limit: 50, hard: false },
  ],
  [
    { kind: 'terminated', signal: 'SIGTERM' },
    { kind: 'cancelled', why: 'terminated', signal: 'SIGTERM' },
  ],
  [{ kind: 'shutdown' }, { kind: 'cancelled', why: 'shutdown' }],
  [{ kind: 'lease-lost' }, { kind: 'cancelled', why: 'lease-lost' }],
]

/** 20 MB and more. */
const LARGE = 20_000_000

export const RUNNING: readonly PoolCase[] = [
  {
    name: 'a value comes back as what it was, whatever its class',
    run: async bench => {
      const pool = await bench.open(1)
      assert.deepEqual(await bench.value(pool, 'pool.decimal'), {
        price: new Decimal('1.10'),
        at: new Date(0),
        count: 2n ** 70n,
      })
      const given = { '\u0000': 'Decimal', content: '1', list: [null, { ['__proto__']: 1 }], at: new Date(5) }
      assert.deepEqual(await bench.value(pool, 'pool.echo', given), given)
    },
  },
  {
    name: 'a handler knows its task',
    run: async bench => {
      const pool = await bench.open(1)
      const call = bench.call('pool.facts')
      const { value } = kind(await bench.outcome(pool.run(call)), 'succeeded')
      assert.deepEqual(value, {
        id: call.request.id,
        task: 'pool.facts',
        retries: 0,
        hostname: 'worker@suite',
        isEager: false,
        queue: 'celery',
      })
    },
  },
  {
    name: 'what a handler throws comes back with its class, arguments and stack',
    run: async bench => {
      const { error, traceback } = kind(await bench.run(await bench.open(1), 'pool.fail', 'too far'), 'failed')
      assert.deepEqual(error, { type: 'ValueError', args: ['too far'], module: 'builtins' })
      assert.match(traceback ?? '', /RangeError: too far\n\s+at /)
    },
  },
  {
    name: 'retry, ignore and reject come back as what they are',
    run: async bench => {
      const pool = await bench.open(1)
      const { wish } = kind(await bench.run(pool, 'pool.retry'), 'retry')
      assert.deepEqual([wish.countdown, wish.args, wish.auto], [7000, ['again'], false])
      kind(await bench.run(pool, 'pool.ignore'), 'ignored')
      const rejected = kind(await bench.run(pool, 'pool.reject'), 'rejected')
      assert.deepEqual([rejected.requeue, rejected.reason], [true, 'not me'])
    },
  },
  {
    name: 'a task that is not registered fails as that',
    run: async bench => {
      const { error } = kind(await bench.run(await bench.open(1), 'pool.unknown'), 'failed')
      assert.equal(error.type, 'NotRegistered')
    },
  },
  {
    name: 'as many calls run at a time as there are slots, and it is told where',
    run: async bench => {
      const pool = await bench.open(2)
      const both = [bench.begin(pool, 'pool.heed'), bench.begin(pool, 'pool.heed')]
      for (const one of both) {
        const where = await bench.within(one.accepted, 'its acceptance')
        assert.deepEqual(one.where, where)
        assert.ok(pool.stats().members.includes(where.pid))
      }
      assert.equal(pool.stats().running, 2)
      for (const one of both) one.interrupt({ kind: 'shutdown' })
      for (const one of both) kind(await bench.outcome(one), 'cancelled')
      assert.equal(pool.stats().running, 0)
    },
  },
  ...INTERRUPTS.map(
    ([reason, expected]): PoolCase => ({
      name: `an interrupt (${reason.kind}) fires the signal, and the outcome says so`,
      run: async bench => {
        const pool = await bench.open(1)
        const running = bench.begin(pool, 'pool.heed')
        await bench.within(running.accepted, 'its acceptance')
        running.interrupt(reason)
        has(await bench.outcome(running), expected)
      },
    }),
  ),
  {
    name: 'an interrupt that comes at once is not lost',
    run: async bench => {
      const running = bench.begin(await bench.open(1), 'pool.heed')
      running.interrupt({ kind: 'shutdown' })
      kind(await bench.outcome(running), 'cancelled')
    },
  },
  {
    name: 'states, events and lines of the log reach the owner of the pool, with their task',
    run: async bench => {
      const pool = await bench.open(1)
      const calls = ['pool.state', 'pool.event', 'pool.log'].map(task => bench.call(task))
      for (const call of calls) assert.equal(kind(await bench.outcome(pool.run(call)), 'succeeded').value, 'told')
      const [state, event, log] = calls.map(call => call.request.id)
      assert.deepEqual(
        bench.told.filter(told => told.kind !== 'log'),
        [
          { kind: 'state', id: state, state: 'HALF', meta: { done: 5 } },
          { kind: 'event', id: event, type: 'half-done', fields: { done: 5 } },
        ],
      )
      const line = bench.told.find(told => told.kind === 'log')
      assert.equal(line?.message, 'half done')
      has(line?.fields, { task_id: log, task_name: 'pool.log', done: 5 })
    },
  },
  {
    name: 'H48 what cannot leave its process ends as a failure that says so, and the slot is free',
    needs: ['packing'],
    run: async bench => {
      const pool = await bench.open(1)
      for (const [task, problem] of [
        ['pool.function', /a function cannot leave/],
        ['pool.circle', /nested too deep, or in itself/],
        ['pool.hostile', /reading it threw Error: not for reading/],
      ] as const) {
        const { error } = kind(await bench.run(pool, task), 'failed')
        assert.equal(error.type, 'EncodeError')
        assert.match(String(error.args[0]), problem)
      }
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'H48 an error that throws when it is read is still a failure',
    run: async bench => {
      const pool = await bench.open(1)
      const { error } = kind(await bench.run(pool, 'pool.bad-error'), 'failed')
      assert.equal(error.type, 'ValueError')
      assert.equal(await bench.value(pool, 'pool.echo', 1), 1)
    },
  },
  {
    name: 'H43 20 MB of arguments and 20 MB of results cross in every slot at once',
    run: async bench => {
      const pool = await bench.open(3)
      const text = 'x'.repeat(LARGE)
      const call = bench.call('pool.echo', [text])
      const running = Array.from({ length: pool.size }, () => pool.run(call))
      for (const one of running) assert.equal(kind(await bench.outcome(one), 'succeeded').value, text)
    },
  },
]
