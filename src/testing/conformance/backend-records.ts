import assert from 'node:assert/strict'
import { ResultTooLargeError } from '../../protocol/errors.js'
import { type GroupId, groupId, type TaskId, taskId, taskName } from '../../protocol/ids.js'
import type { ExceptionInfo, ResultMeta } from '../../protocol/result-meta.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from '../../protocol/values.js'
import { type BackendCase, BOOM, DONE_AT, failure, KEPT, meta, started, success } from './backend-bench.js'

/** Values as a handler may return them, and as a reader gets them back where that differs. */
const VALUES: Readonly<Record<string, readonly [written: unknown, read?: unknown]>> = {
  null: [null],
  'undefined, as null': [undefined, null],
  true: [true],
  zero: [0],
  'a negative integer': [-42],
  'a float': [2.5],
  'the largest safe integer': [Number.MAX_SAFE_INTEGER],
  'a bigint': [2n ** 70n],
  'a negative bigint': [-(2n ** 70n)],
  'empty text': [''],
  text: ['grüße, 世界 🌿 \u0000 "\\'],
  'long text': ['x'.repeat(100_000)],
  'a Date': [new Date('2024-02-29T12:34:56.789Z')],
  bytes: [Uint8Array.of(0, 255, 254, 65), Buffer.from([0, 255, 254, 65])],
  'a Decimal': [new Decimal('1.10')],
  'a UUID': [new Uuid('12345678-1234-5678-1234-567812345678')],
  'a datetime without zone': [new NaiveDateTime('2024-02-29T12:34:56.789012')],
  'a date': [new PlainDate('2024-02-29')],
  'a time': [new PlainTime('12:34:56.789012')],
  'an empty array': [[]],
  'an empty object': [{}],
  'nested containers': [{ a: [1, [2, { b: [null, 'c'] }]], d: { e: {} } }],
  'values within containers': [{ at: [new Date(0)], price: new Decimal('9.99'), id: 2n ** 64n }],
  'absent members, left out': [{ a: undefined, b: 1 }, { b: 1 }],
  'names of Object.prototype as plain data': [JSON.parse('{"__proto__": 1, "constructor": 2, "then": 3}')],
}

const EXCEPTIONS: Readonly<Record<string, ExceptionInfo>> = {
  'a built-in of Python': BOOM,
  'a class that lives in Python only': {
    type: 'Outer.Custom',
    args: [1, 2.5, null, true, 's', [1], { k: 'v' }],
    module: 'their.own.module',
  },
  'a class of ours': { type: 'PaymentError', args: ['declined'], module: null },
  'no arguments': { type: 'SoftTimeLimitExceeded', args: [], module: 'billiard.exceptions' },
  'a hostile module name': { type: 'system', args: ['rm'], module: 'child_process' },
}

const RECORDS: Readonly<Record<string, (id: TaskId) => ResultMeta>> = {
  STARTED: started,
  'STARTED of a task in the place of two others': id => ({ ...started(id), nesting: 2 }),
  SUCCESS: id => success(id, 5),
  FAILURE: id => failure(id),
  'RETRY with its intent': id =>
    meta(id, {
      status: 'RETRY',
      error: BOOM,
      traceback: 'Traceback\n  …',
      children: [{ id, parent: undefined, members: undefined }],
      intent: { retries: 3, eta: 1_795_165_869_816 },
    }),
  'RETRY with other arguments': id =>
    meta(id, {
      status: 'RETRY',
      error: BOOM,
      intent: {
        retries: 1,
        eta: 1_795_165_869_816,
        args: ['ü', { deep: [null, 2n ** 70n] }],
        kwargs: { at: new Date(0) },
      },
    }),
  REVOKED: id =>
    meta(id, {
      status: 'REVOKED',
      error: { type: 'TaskRevokedError', args: ['terminated'], module: 'celery.exceptions' },
      dateDone: DONE_AT,
    }),
  'a custom state with its meta': id => meta(id, { status: 'PROGRESS', result: { done: 3, of: 10 }, children: [] }),
  'a custom state without': id => meta(id, { status: 'ABORTED', result: null }),
  'children, among them groups': id =>
    meta(id, {
      status: 'SUCCESS',
      result: 1,
      dateDone: DONE_AT,
      children: [
        { id: taskId('child'), parent: undefined, members: undefined },
        {
          id: groupId('g'),
          parent: { id: taskId('before'), parent: undefined, members: undefined },
          members: [
            { id: taskId('m1'), parent: undefined, members: undefined },
            { id: taskId('m2'), parent: undefined, members: undefined },
          ],
        },
      ],
    }),
  'group and parent': id => ({ ...success(id, 1), groupId: groupId('g1') as GroupId, parentId: taskId('p1') }),
  'a date in another zone': id => ({ ...success(id, 1), dateDone: '2026-11-20T10:51:09.816613+02:00' }),
  'a date without microseconds': id => ({ ...success(id, 1), dateDone: '2026-11-20T08:51:09+00:00' }),
  extended: id => ({
    ...success(id, 1),
    extended: {
      name: taskName('img.resize'),
      args: ['a.png', { deep: [1, null] }],
      kwargs: { width: 800, at: new Date(0) },
      worker: 'w1@host',
      retries: 2,
      queue: 'images',
    },
  }),
  'extended, with stamps': id => ({
    ...success(id, 1),
    extended: {
      name: taskName('t'),
      args: [],
      kwargs: {},
      worker: 'w1@host',
      retries: 0,
      queue: 'celery',
      stampedHeaders: ['batch', 'who'],
      stamps: { batch: 'b7', who: ['a', 'b'] },
    },
  }),
  'extended, of which nothing is known': id => ({
    ...failure(id),
    extended: {
      name: undefined,
      args: undefined,
      kwargs: undefined,
      worker: undefined,
      retries: undefined,
      queue: undefined,
    },
  }),
}

/** What is stored comes back as it was: results.md §1, §2. */
export const RECORDING: readonly BackendCase[] = [
  {
    name: 'records are found by how their ids begin',
    needs: ['shared'],
    async run(bench) {
      const backend = await bench.open()
      const ids = ['a*b', 'a*c', 'a.d', 'a', 'b'].map(id => taskId(id))
      for (const id of ids) await backend.store(success(id, 1), KEPT)
      assert.ok(backend.findIds, 'the backend finds records')
      assert.deepEqual((await backend.findIds('a*', 10)).toSorted(), ['a*b', 'a*c'])
      assert.deepEqual([(await backend.findIds('a', 2)).length, await backend.findIds('x', 10)], [2, []])
    },
  },
  ...Object.entries(RECORDS).map(
    ([what, make]): BackendCase => ({
      name: `a record comes back as it was stored: ${what}`,
      async run(bench) {
        const backend = await bench.open()
        const stored = make(bench.id())
        assert.equal(await backend.store(stored, KEPT), 'stored')
        assert.deepEqual(await backend.fetch(stored.taskId), stored)
      },
    }),
  ),
  ...Object.entries(VALUES).map(
    ([what, [written, ...read]]): BackendCase => ({
      name: `a value comes back as it was returned: ${what}`,
      async run(bench) {
        const backend = await bench.open()
        const stored = success(bench.id(), written)
        await backend.store(stored, KEPT)
        const found = await backend.fetch(stored.taskId)
        assert.deepEqual(found, { ...stored, result: read.length === 0 ? written : read[0] })
      },
    }),
  ),
  ...Object.entries(EXCEPTIONS).map(
    ([what, error]): BackendCase => ({
      name: `M46 an exception stays data, untouched: ${what}`,
      async run(bench) {
        const backend = await bench.open()
        const stored = failure(bench.id(), error)
        await backend.store(stored, KEPT)
        assert.deepEqual(await backend.fetch(stored.taskId), stored)
      },
    }),
  ),
  {
    name: 'nothing is known of an id that was never stored',
    async run(bench) {
      const backend = await bench.open()
      assert.equal(await backend.fetch(bench.id()), undefined)
    },
  },
  {
    name: 'a record is a copy: changing the value afterwards changes nothing stored, nor one reader what another gets',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const value = { list: [1] }
      await backend.store(success(id, value), KEPT)
      value.list.push(2)
      const first = (await backend.fetch(id))?.result as { list: number[] }
      first.list.push(3)
      assert.deepEqual((await backend.fetch(id))?.result, { list: [1] })
    },
  },
  {
    name: 'arguments of an exception that cannot be written are stored as text',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(failure(id, { type: 'Error', args: ['x', () => 1], module: null }), KEPT)
      const args = (await backend.fetch(id))?.error?.args
      assert.deepEqual([args?.length, args?.[0], typeof args?.[1]], [2, 'x', 'string'])
    },
  },
  {
    name: 'M50 a value that cannot be written is refused at the writer, and nothing is stored',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await assert.rejects(backend.store(success(id, { f: () => 1 }), KEPT), { name: 'EncodeError' })
      assert.equal(await backend.fetch(id), undefined)
    },
  },
  {
    name: 'L12 a result beyond 16 MiB is refused with its size, and nothing is stored',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const large = success(id, 'x'.repeat(16 * 1024 * 1024 + 1))
      await assert.rejects(backend.store(large, KEPT), (error: unknown) => {
        assert.ok(error instanceof ResultTooLargeError, String(error))
        assert.equal(error.code, 'LVG_RESULT_TOO_LARGE')
        assert.match(error.message, /\d{8} bytes/)
        return true
      })
      assert.equal(await backend.fetch(id), undefined)
    },
  },
  {
    name: 'ids of every kind are kept apart: long ones, foreign letters, quotes',
    async run(bench) {
      const backend = await bench.open()
      const ids = ['a', 'A', 'ü', "o'brien", '%', '_', 'a'.repeat(255), '*?[x]', '世界'].map(taskId)
      await Promise.all(ids.map((id, i) => backend.store(success(id, i), KEPT)))
      const found = await Promise.all(ids.map(id => backend.fetch(id)))
      assert.deepEqual(
        found.map(one => one?.result),
        ids.map((_, i) => i),
      )
    },
  },
  {
    name: 'many records stored in one turn are all there',
    async run(bench) {
      const backend = await bench.open()
      const ids = bench.ids(1000)
      const answers = await Promise.all(ids.map((id, i) => backend.store(success(id, i), KEPT)))
      assert.ok(answers.every(answer => answer === 'stored'))
      const found = await Promise.all(ids.map(id => backend.fetch(id)))
      assert.deepEqual(
        found.map(one => one?.result),
        ids.map((_, i) => i),
      )
    },
  },
  {
    name: 'one refused record does not touch those stored in the same turn',
    async run(bench) {
      const backend = await bench.open()
      const [good, bad, better] = bench.ids(3) as [TaskId, TaskId, TaskId]
      const settled = await Promise.allSettled([
        backend.store(success(good, 1), KEPT),
        backend.store(success(bad, Symbol('no')), KEPT),
        backend.store(success(better, 2), KEPT),
      ])
      assert.deepEqual(
        settled.map(one => one.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.equal((await backend.fetch(good))?.result, 1)
      assert.equal((await backend.fetch(better))?.result, 2)
    },
  },
  {
    name: 'D42 what one process has stored, another reads as soon as the store has resolved',
    needs: ['shared'],
    async run(bench) {
      const [writer, reader] = [await bench.open(), await bench.open()]
      const stored = success(bench.id(), { by: 'writer' })
      await writer.store(stored, KEPT)
      assert.deepEqual(await reader.fetch(stored.taskId), stored)
    },
  },
  {
    name: 'D42 a record outlives the backend that stored it',
    needs: ['shared'],
    async run(bench) {
      const writer = await bench.open()
      const stored = success(bench.id(), 1)
      await writer.store(stored, KEPT)
      await writer[Symbol.asyncDispose]()
      assert.deepEqual(await (await bench.open()).fetch(stored.taskId), stored)
    },
  },
  {
    name: 'a forgotten record is gone, others stay, and forgetting the unknown is fine',
    async run(bench) {
      const backend = await bench.open()
      const [a, b, c] = bench.ids(3) as [TaskId, TaskId, TaskId]
      await Promise.all([a, b].map(id => backend.store(success(id, 1), KEPT)))
      await backend.forget([a, c])
      assert.equal(await backend.fetch(a), undefined)
      assert.equal((await backend.fetch(b))?.result, 1)
    },
  },
  {
    name: 'after it was forgotten an id begins anew',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(success(id, 1), { ttl: undefined, fence: { retries: 5, claim: 9 } })
      await backend.forget([id])
      assert.equal(await backend.store(started(id), { ttl: undefined, fence: { retries: 0, claim: 1 } }), 'stored')
      assert.equal((await backend.fetch(id))?.status, 'STARTED')
    },
  },
  {
    name: 'after it was closed every verb rejects, and closing twice is fine',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(success(id, 1), KEPT)
      await backend[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
      await assert.rejects(backend.fetch(id), { code: 'LVG_BACKEND_CLOSED', transient: false })
      await assert.rejects(backend.store(success(id, 1), KEPT), { code: 'LVG_BACKEND_CLOSED' })
    },
  },
  {
    name: 'a backend that was never used closes as well',
    async run(bench) {
      await (await bench.open())[Symbol.asyncDispose]()
    },
  },
]
