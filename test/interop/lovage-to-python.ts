import assert from 'node:assert/strict'
import type { App } from '../../src/app/app.js'
import type { AsyncResult } from '../../src/app/async-result.js'
import { NotRegistered, TaskError, TaskRevokedError, TimeLimitExceeded } from '../../src/app/errors.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { isFinal } from '../../src/protocol/states.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from '../../src/protocol/values.js'
import { PY } from './combination.js'
import type { InteropCase } from './suite.js'

const DEADLINE = { timeout: 90 }
const AT = new Date('2024-02-29T12:34:56.789Z')

/** What a Python 5.2 worker gets of our values: its type there and its repr; as tagged JSON it would be a dict. */
const ARRIVES: readonly (readonly [value: unknown, type: string, repr: string])[] = [
  [null, 'NoneType', 'None'],
  [true, 'bool', 'True'],
  [42, 'int', '42'],
  [-7, 'int', '-7'],
  [2n ** 70n, 'int', '1180591620717411303424'],
  [2.5, 'float', '2.5'],
  ['žluť 🐎 \u2028', 'str', "'žluť 🐎 \\u2028'"],
  ['', 'str', "''"],
  [[1, [2, null]], 'list', '[1, [2, None]]'],
  [{ a: { b: [] } }, 'dict', "{'a': {'b': []}}"],
]

/** Kombu before 5.3 knows no tags: these are sent as the text it would have written itself. */
const ARRIVES_AS_TEXT: readonly (readonly [value: unknown, repr: string])[] = [
  [AT, "'2024-02-29T12:34:56.789Z'"],
  [new NaiveDateTime('2024-02-29T12:34:56'), "'2024-02-29T12:34:56'"],
  [new PlainDate('2024-02-29'), "'2024-02-29T00:00:00'"],
  [new PlainTime('12:34:56'), "'12:34:56'"],
  [new Decimal('1.10'), "'1.10'"],
  [new Uuid('12345678-1234-5678-1234-567812345678'), "'12345678-1234-5678-1234-567812345678'"],
]

const NO_BYTES = 'bytes beside a result: Celery 5.2 stores the arguments as JSON with it, and fails'

export const LOVAGE_TO_PYTHON: readonly InteropCase[] = [
  {
    name: 'arguments arrive with their types',
    async run({ lovage }) {
      for (const serializer of ['json', 'yaml', 'msgpack']) {
        // msgpack has no integers beyond 64 bits, in Python either.
        const sendable = ARRIVES.filter(([value]) => serializer !== 'msgpack' || typeof value !== 'bigint')
        const sent = sendable.map(([value]) => lovage.sendTask('interop.typename', [value], { serializer }))
        const got = await Promise.all(sent.map(async each => await (await each).get(DEADLINE)))
        assert.deepEqual(
          got,
          sendable.map(([, type, repr]) => [type, repr]),
          serializer,
        )
      }
    },
  },
  {
    name: 'dates, decimals and UUIDs arrive as text at a Kombu before 5.3 with jsonPlainTypes',
    async run(combination) {
      const app = combination.app({ jsonPlainTypes: true })
      const sent = ARRIVES_AS_TEXT.map(([value]) => app.sendTask('interop.typename', [value]))
      const got = await Promise.all(sent.map(async each => await (await each).get(DEADLINE)))
      assert.deepEqual(
        got,
        ARRIVES_AS_TEXT.map(([, repr]) => ['str', repr]),
      )
    },
  },
  {
    name: 'bytes arrive as bytes in msgpack',
    lacks: { redis: NO_BYTES, postgresql: NO_BYTES, sqlite: NO_BYTES },
    async run({ lovage }) {
      const bytes = Uint8Array.of(0, 255, 254, 65)
      const sent = await lovage.sendTask('interop.b64', [bytes], { serializer: 'msgpack' })
      assert.equal(await sent.get(DEADLINE), Buffer.from(bytes).toString('base64'))
    },
  },
  {
    name: 'keyword arguments arrive by name, beside positional ones',
    async run({ lovage }) {
      const sent = await lovage.sendTask('interop.echo', [1, 'ž'], { kwargs: { k: { a: [true, null] } } })
      assert.deepEqual(await sent.get(DEADLINE), { args: [1, 'ž'], kwargs: { k: { a: [true, null] } } })
    },
  },
  {
    name: 'values of Python come back',
    async run({ lovage, kind }) {
      const kinds = ['bigint', 'float', 'unicode', 'uuid', 'decimal', 'datetime']
      const sent = await Promise.all(kinds.map(one => lovage.sendTask('interop.special', [one])))
      const values = await Promise.all(sent.map(each => each.get(DEADLINE)))
      const plain = ['bigint', 'float', 'unicode'].length
      assert.deepEqual(values.slice(0, plain), [2n ** 70n, 0.1 + 0.2, 'žluťoučký kůň 🐎 \u0000 \u2028'])
      // A database row is a pickle, which keeps the types; Kombu 5.2's JSON has text only.
      const isRow = kind.backend === 'postgresql' || kind.backend === 'sqlite'
      assert.deepEqual(
        values.slice(plain).map(value => value?.constructor.name),
        isRow ? ['Uuid', 'Decimal', 'Date'] : ['String', 'String', 'String'],
      )
    },
  },
  {
    name: 'NaN and infinity come back',
    async run({ lovage }) {
      const sent = await Promise.all(['nan', 'inf'].map(one => lovage.sendTask('interop.special', [one])))
      assert.deepEqual(await Promise.all(sent.map(each => each.get(DEADLINE))), [Number.NaN, Number.POSITIVE_INFINITY])
    },
  },
  {
    name: 'errors come back as Python raised them',
    async run({ lovage }) {
      const builtIn = await failure(await lovage.sendTask('interop.fail', ['broken']))
      assert.deepEqual([builtIn.excType, builtIn.excMessage, builtIn.excModule], ['ValueError', ['broken'], 'builtins'])
      assert.match(builtIn.traceback ?? '', /Traceback.*ValueError: broken/s)
      const custom = await failure(await lovage.sendTask('interop.fail_custom', ['m', 42, { a: 1 }]))
      assert.deepEqual(
        [custom.excType, custom.excMessage, custom.excModule],
        ['CustomError', ['m', 42, { a: 1 }], 'pyapp'],
      )
      const nested = await failure(await lovage.sendTask('interop.fail_nested'))
      assert.deepEqual([nested.excType, nested.excMessage], ['CustomError', ['wrapped', 7, { a: [1, 2] }]])
      assert.match(nested.traceback ?? '', /direct cause/)
    },
  },
  {
    name: 'an error or value that Python cannot serialise comes back as an error that says so',
    // A row is a pickle: it takes what JSON does not.
    lacks: { postgresql: 'JSON: a row is a pickle', sqlite: 'JSON: a row is a pickle' },
    async run({ lovage }) {
      const odd = await failure(await lovage.sendTask('interop.fail_odd_args'))
      assert.equal(odd.excType, 'RuntimeError')
      assert.equal(odd.excMessage.length, 4)
      const value = await failure(await lovage.sendTask('interop.fail_unserializable'))
      assert.equal(value.excType, 'EncodeError')
    },
  },
  {
    name: 'a task that Python does not know comes back as NotRegistered',
    async run({ lovage }) {
      const result = await lovage.sendTask('interop.no_such_task')
      await assert.rejects(result.get(DEADLINE), NotRegistered)
    },
  },
  {
    name: 'what a call says of itself is what the handler sees',
    async run({ lovage }) {
      const sent = await lovage.sendTask('interop.request', [1], {
        kwargs: { a: 'b' },
        priority: 4,
        headers: { 'x-a': 'b' },
        shadow: 'shown',
        timeLimit: 50,
        softTimeLimit: 40,
        parentId: 'the-parent',
        rootId: 'the-root',
        groupId: 'the-group',
        groupIndex: 3,
      })
      const seen = (await sent.get(DEADLINE)) as Readonly<Record<string, unknown>>
      const { id, root_id, parent_id, group, group_index, args, kwargs, timelimit, shadow, correlation_id, reply_to } =
        seen
      assert.deepEqual(
        { id, root_id, parent_id, group, group_index, args, kwargs, timelimit, shadow, correlation_id, reply_to },
        {
          id: sent.id,
          root_id: 'the-root',
          parent_id: 'the-parent',
          group: 'the-group',
          group_index: 3,
          args: [1],
          kwargs: { a: 'b' },
          timelimit: [50, 40],
          shadow: 'shown',
          correlation_id: sent.id,
          reply_to: lovage.replyTo,
        },
      )
      assert.equal((seen['delivery_info'] as { priority: unknown }).priority, 4)
      assert.equal(seen['x-a'], 'b')
      assert.match(String(seen['origin']), /^gen\d+@/)
      assert.deepEqual([seen['argsrepr'], seen['kwargsrepr']], ['(1,)', "{'a': 'b'}"])
    },
  },
  {
    name: 'whole numbers of every size arrive in headers as they are',
    async run({ lovage }) {
      for (const [groupIndex, timeLimit, tag] of [
        [127, 120, 128],
        [128, 600, 300],
        [32_767, 40_000, -1],
        [70_000, 3600, 2 ** 33],
      ] as const) {
        const sent = await lovage.sendTask('interop.request', [], {
          groupId: 'many',
          groupIndex,
          timeLimit,
          softTimeLimit: timeLimit - 1,
          headers: { 'x-a': tag },
        })
        const seen = (await sent.get(DEADLINE)) as Readonly<Record<string, unknown>>
        assert.deepEqual([seen['timelimit'], seen['x-a']], [[timeLimit, timeLimit - 1], tag])
        // Celery 5.2 shows no index.
        assert.ok(seen['group_index'] === groupIndex || seen['group_index'] === null)
      }
    },
  },
  {
    name: 'countdown and eta are waited for',
    async run({ lovage }) {
      const before = Date.now()
      const sent = await Promise.all([
        lovage.sendTask('interop.request', [], { countdown: 1 }),
        lovage.sendTask('interop.request', [], { eta: new Date(before + 1000) }),
      ])
      for (const each of sent) assert.match(String(((await each.get(DEADLINE)) as { eta: unknown }).eta), /^20/)
      assert.ok(Date.now() - before >= 900)
    },
  },
  {
    name: 'what expires while it waits is revoked',
    async run({ lovage }) {
      const sent = await lovage.sendTask('interop.noop', [], { countdown: 2, expires: 1 })
      await assert.rejects(sent.get(DEADLINE), TaskRevokedError)
    },
  },
  {
    name: 'every compression that Lovage writes and Python has is read',
    async run({ lovage }) {
      for (const compression of ['gzip', 'zlib']) {
        const sent = await lovage.sendTask('interop.length', ['x'.repeat(5000)], { compression })
        assert.equal(await sent.get(DEADLINE), 5000, compression)
      }
    },
  },
  {
    name: 'protocol 1 is read',
    async run(combination) {
      const sent = await combination.app({ taskProtocol: 1 }).sendTask('interop.add', [2, 3], { kwargs: { z: 4 } })
      assert.equal(await sent.get(DEADLINE), 9)
    },
  },
  {
    name: 'retries end with the value, or the error',
    async run({ lovage }) {
      // Celery publishes the next attempt before it stores RETRY. A table keeps what comes last: on a busy machine, where one
      // process runs that attempt before the other has stored, its end would be gone. Source: celery/app/task.py `retry`.
      const options = { kwargs: { countdown: 2 } }
      const sent = await Promise.all([
        lovage.sendTask('interop.retry_n_times', [2], options),
        lovage.sendTask('interop.retry_once', ['v'], options),
        lovage.sendTask('interop.retry_forever', [], options),
      ])
      assert.equal(await sent[0].get(DEADLINE), 2)
      assert.deepEqual(await sent[1].get(DEADLINE), { retries: 1, value: 'v' })
      assert.equal((await failure(sent[2])).excType, 'CustomError')
    },
  },
  {
    name: 'large arguments and results pass',
    async run({ lovage }) {
      const argument = await lovage.sendTask('interop.length', ['x'.repeat(1_000_000)])
      assert.equal(await argument.get(DEADLINE), 1_000_000)
      const result = await lovage.sendTask<string>('interop.large', [1_000_000])
      assert.equal((await result.get(DEADLINE)).length, 1_000_000)
    },
  },
  {
    name: 'limits of the task and of the call end it',
    async run({ lovage }) {
      const sent = await Promise.all([
        lovage.sendTask('interop.soft_limited', [20]),
        lovage.sendTask('interop.hard_limited', [20]),
        lovage.sendTask('interop.sleep_for', [20], { timeLimit: 1 }),
      ])
      assert.equal(await sent[0].get(DEADLINE), 'soft limit')
      await assert.rejects(sent[1].get(DEADLINE), TimeLimitExceeded)
      await assert.rejects(sent[2].get(DEADLINE), TimeLimitExceeded)
    },
  },
  {
    name: 'states of a handler are seen while it runs',
    async run({ lovage }) {
      const sent = await lovage.sendTask('interop.hold_state', ['HALFWAY', { done: 1 }, 1])
      const states = await statesOf(sent.id, lovage)
      assert.deepEqual(states.slice(-2), ['HALFWAY', 'SUCCESS'])
    },
  },
  {
    name: 'late acks: one delivery, one value',
    async run({ lovage, redis }) {
      const sent = await lovage.sendTask('interop.sleep_late', [0.1, 'interop:late:ts'])
      assert.equal(await sent.get(DEADLINE), 1)
      assert.equal(await redis.client.get('interop:late:ts'), '1')
    },
  },
  {
    name: 'a message through an exchange by its routing key arrives',
    async run({ lovage }) {
      const sent = await lovage.sendTask('interop.add', [1, 2], { exchange: PY, routingKey: PY })
      assert.equal(await sent.get(DEADLINE), 3)
    },
  },
]

async function failure(result: AsyncResult<unknown>): Promise<TaskError> {
  const error: unknown = await result.get({ ...DEADLINE, propagate: false })
  assert.ok(error instanceof TaskError, String(error))
  return error
}

/** Every state that is told, to the end. */
async function statesOf(id: TaskId, app: App): Promise<readonly string[]> {
  const states: string[] = []
  const over = AbortSignal.timeout(90_000)
  const backend = await app.resultBackend()
  for await (const meta of backend.watch([id], over)) {
    states.push(meta.status)
    if (isFinal(meta.status)) return states
  }
  return assert.fail(`no end within 90 s, only ${states}`)
}
