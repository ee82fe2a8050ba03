import assert from 'node:assert/strict'
import { TS, TS_NODE } from './combination.js'
import type { InteropCase } from './suite.js'

/* Most of this direction is in python/checks.py; here is what they do not ask. */

/** Arguments as Python source, and what `interop.identity` gives back, as Python prints it. */
const ROUND_TRIPS: Readonly<Record<string, readonly (readonly [source: string, back?: string])[]>> = {
  json: [
    ['None'],
    ['True'],
    ['0'],
    ['-7'],
    ['2 ** 70', '1180591620717411303424'],
    ['0.1'],
    ["'žluť 🐎'"],
    ['[1, [2]]'],
    ["{'a': {'b': []}}"],
  ],
  yaml: [
    ['None'],
    ['2 ** 70', '1180591620717411303424'],
    ['2.5'],
    ["'žluť 🐎'"],
    ["'2024-02-29'"],
    ["'yes'"],
    ['[1, [2]]'],
    ["{'a': None}"],
  ],
  msgpack: [['None'], ['2 ** 40', '1099511627776'], ['2.5'], ["'žluť 🐎'"], ['[1, [2]]'], ["{'a': None}"]],
  pickle: [
    ['None'],
    ['2 ** 70', '1180591620717411303424'],
    ['2.5'],
    ["'žluť 🐎'"],
    ['[1, (2, 3)]', '[1, [2, 3]]'],
    ["{'a': None}"],
  ],
}

/** Values of which Lovage shows what they became. */
const ARRIVES: Readonly<Record<string, readonly (readonly [source: string, type: string])[]>> = {
  yaml: [['datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc)', 'Date']],
  msgpack: [["b'\\x00\\xff'", 'Uint8Array']],
  pickle: [
    ["b'\\x00\\xff'", 'Uint8Array'],
    ['datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc)', 'Date'],
    ["decimal.Decimal('1.10')", 'Object'],
    ["uuid.UUID('12345678-1234-5678-1234-567812345678')", 'Object'],
    ['2 ** 70', 'BigInt'],
  ],
}

export const PYTHON_TO_LOVAGE: readonly InteropCase[] = [
  ...Object.entries(ROUND_TRIPS).map(
    ([serializer, values]): InteropCase => ({
      name: `values go there and back: ${serializer}`,
      async run({ python }) {
        for (const [source, back = source] of values) {
          const id = await python.send({
            task: 'interop.identity',
            expression: `(${source},)`,
            options: { serializer },
          })
          assert.equal(await python.repr(id), back)
        }
      },
    }),
  ),
  ...Object.entries(ARRIVES).map(
    ([serializer, values]): InteropCase => ({
      name: `values that JSON has no form for arrive: ${serializer}`,
      async run({ python }) {
        for (const [source, type] of values) {
          const call = { task: 'interop.typename', expression: `(${source},)`, options: { serializer } }
          assert.equal((await python.call(call)).result, type, source)
        }
      },
    }),
  ),
  {
    name: 'a task with a rate limit starts no oftener, whoever sends it',
    async run({ python }) {
      const ids: string[] = []
      for (let n = 0; n < 6; n++) ids.push(await python.send({ task: 'interop.paced' }))
      const at: number[] = []
      for (const id of ids) at.push(Number(await python.repr(id)))
      at.sort((a, b) => a - b)
      // Two pass at once after an idle time, then one each half second.
      assert.ok((at[5] ?? 0) - (at[0] ?? 0) >= 1900, `six within ${(at[5] ?? 0) - (at[0] ?? 0)} ms`)
    },
  },
  {
    name: 'bytes arrive as bytes',
    async run({ python }) {
      for (const serializer of ['msgpack', 'pickle']) {
        const call = { task: 'interop.b64', expression: "(b'\\x00\\xffA',)", options: { serializer } }
        assert.equal((await python.call(call)).result, 'AP9B', serializer)
      }
    },
  },
  {
    name: 'an own error class of TypeScript is raised as a class of its name',
    async run({ python }) {
      const { state, result, traceback } = await python.call({ task: 'interop.fail_own', args: ['declined'] })
      assert.deepEqual([state, result.exc_type, result.args], ['FAILURE', 'PaymentError', ['declined']])
      assert.match(traceback ?? '', /PaymentError: declined/)
    },
  },
  {
    name: 'errors carry classes, arguments and causes',
    async run({ python }) {
      const nested = await python.call({ task: 'interop.fail_nested' })
      assert.deepEqual(
        [nested.result.exc_type, nested.result.exc_module, nested.result.args],
        ['CustomError', 'pyapp', ['wrapped', 7, { a: [1, 2] }]],
      )
      assert.match(nested.traceback ?? '', /\[cause\]: TypeError: outer/)
      const odd = await python.call({ task: 'interop.fail_odd_args' })
      assert.deepEqual(
        [odd.result.exc_type, odd.result.exc_module, odd.result.args.length],
        ['RuntimeError', 'builtins', 3],
      )
    },
  },
  {
    name: 'a value that cannot be written is a failure that says so',
    async run({ python }) {
      const { state, result } = await python.call({ task: 'interop.fail_unserializable' })
      assert.deepEqual([state, result.exc_type], ['FAILURE', 'EncodeError'])
    },
  },
  {
    name: 'wrong arguments are a TypeError, as in Python',
    async run({ python }) {
      const missing = await python.call({ task: 'interop.mul', args: [1] })
      assert.deepEqual([missing.state, missing.result.exc_type], ['FAILURE', 'TypeError'])
      assert.match(missing.result.str, /missing 1 required positional argument: 'y'/)
      const unknown = await python.call({ task: 'interop.mul', args: [1, 2], kwargs: { w: 3 } })
      assert.match(unknown.result.str, /unexpected keyword argument 'w'/)
    },
  },
  {
    name: 'what a call says of itself is what the handler sees',
    async run({ python }) {
      const { id, result } = await python.call({
        task: 'interop.request',
        args: [1],
        kwargs: { k: [2] },
        options: { priority: 3, headers: { 'x-a': 'b' }, shadow: 's', time_limit: 50, soft_time_limit: 40 },
      })
      const { root_id, args, kwargs, timelimit, shadow, correlation_id, hostname, delivery_info, headers } = result
      assert.deepEqual(
        [root_id, args, kwargs, timelimit, shadow, correlation_id, hostname, delivery_info.priority, headers['x-a']],
        [id, [1], { k: [2] }, [50, 40], 's', id, TS_NODE, 3, 'b'],
      )
    },
  },
  {
    name: 'what expires while it waits is revoked',
    async run({ python }) {
      const options = { countdown: 2, expires: 1 }
      const { state, result } = await python.call({ task: 'interop.noop', options })
      assert.deepEqual([state, result.exc_type, result.args], ['REVOKED', 'TaskRevokedError', ['expired']])
    },
  },
  {
    name: 'a limit that the message carries ends the task',
    async run({ python }) {
      const { state, result } = await python.call({ task: 'interop.sleep_for', args: [10], options: { time_limit: 1 } })
      assert.deepEqual([state, result.exc_type], ['FAILURE', 'TimeLimitExceeded'])
    },
  },
  {
    name: 'every compression that Python has is read',
    async run({ python }) {
      for (const compression of ['zlib', 'bzip2', 'lzma']) {
        const options = { compression }
        const { result } = await python.call({ task: 'interop.length', args: ['x'.repeat(20_000)], options })
        assert.equal(result, 20_000, compression)
      }
    },
  },
  {
    name: 'protocol 1 with links and limits is read',
    async run(combination) {
      const { python } = combination
      await python.configure({ task_protocol: 1 })
      const key = 'interop:v1'
      const link = [{ task: 'interop.redis_append', kwargs: { key } }]
      const call = { task: 'interop.add', args: [2, 3], kwargs: { z: 1 }, options: { link, countdown: 0.1 } }
      const id = await python.send(call)
      await python.configure({ task_protocol: 2 })
      assert.equal((await python.get(id)).result, 6)
      assert.deepEqual(await combination.popped(key), '6')
    },
  },
  {
    name: 'a task whose result is ignored runs, and nothing is told',
    async run(combination) {
      const { python } = combination
      const options = { ignore_result: true }
      const id = await python.send({ task: 'interop.ignored_result', args: ['seen'], options })
      assert.equal(await combination.popped('interop:ignored'), '"seen"')
      await python.call({ task: 'interop.noop' })
      const { state } = await python.get(id, 1)
      assert.equal(state, 'PENDING')
    },
  },
  {
    name: 'a message through an exchange by its routing key arrives',
    async run({ python }) {
      const options = { exchange: TS, routing_key: TS }
      assert.equal((await python.call({ task: 'interop.add', args: [1, 2], options })).result, 3)
    },
  },
]
