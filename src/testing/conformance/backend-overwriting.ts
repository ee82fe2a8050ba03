import assert from 'node:assert/strict'
import type { Fence, ResultBackend } from '../../backends/backend.js'
import type { TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import { type BackendCase, BOOM, failure, KEPT, meta, started, success } from './backend-bench.js'

const revoked = (id: TaskId): ResultMeta =>
  meta(id, { status: 'REVOKED', error: { type: 'TaskRevokedError', args: ['revoked'], module: 'celery.exceptions' } })
const retry = (id: TaskId): ResultMeta => meta(id, { status: 'RETRY', error: BOOM, intent: { retries: 1, eta: 1 } })
const progress = (id: TaskId): ResultMeta => meta(id, { status: 'PROGRESS', result: 1 })

type Make = (id: TaskId) => ResultMeta

/** Without fences. */
const OVERWRITES: readonly (readonly [what: string, first: Make, second: Make, answer: 'stored' | 'refused'])[] = [
  ['STARTED by SUCCESS', started, id => success(id, 2), 'stored'],
  ['STARTED by a custom state', started, progress, 'stored'],
  ['a custom state by STARTED', progress, started, 'stored'],
  ['RETRY by STARTED', retry, started, 'stored'],
  ['RETRY by FAILURE', retry, id => failure(id), 'stored'],
  ['FAILURE by SUCCESS', id => failure(id), id => success(id, 2), 'stored'],
  ['REVOKED by SUCCESS', revoked, id => success(id, 2), 'stored'],
  ['FAILURE by REVOKED', id => failure(id), revoked, 'stored'],
  ['SUCCESS by another SUCCESS', id => success(id, 1), id => success(id, 2), 'refused'],
  ['SUCCESS by FAILURE', id => success(id, 1), id => failure(id), 'refused'],
  ['SUCCESS by REVOKED', id => success(id, 1), revoked, 'refused'],
  ['SUCCESS by STARTED', id => success(id, 1), started, 'refused'],
  ['FAILURE by STARTED', id => failure(id), started, 'refused'],
  ['FAILURE by RETRY', id => failure(id), retry, 'refused'],
  ['REVOKED by a custom state', revoked, progress, 'refused'],
]

type Attempt = readonly [retries: number, claim: number] | undefined

/** First a STARTED of one attempt, then of another. */
const FENCES: readonly (readonly [what: string, first: Attempt, second: Attempt, answer: 'stored' | 'refused'])[] = [
  ['a later claim of the same retry', [0, 1], [0, 2], 'stored'],
  ['the same attempt again', [0, 2], [0, 2], 'stored'],
  ['an earlier claim of the same retry', [0, 2], [0, 1], 'refused'],
  ['a later retry, though claimed earlier', [0, 9], [1, 2], 'stored'],
  ['an earlier retry, though claimed later', [1, 2], [0, 9], 'refused'],
  ['a writer without fence', [3, 3], undefined, 'stored'],
  ['a fenced writer after one without', undefined, [0, 1], 'stored'],
]

/** Who may write over what: results.md §2, reliability D44, D45. */
export const OVERWRITING: readonly BackendCase[] = [
  ...OVERWRITES.map(
    ([what, first, second, answer]): BackendCase => ({
      name: `D44 overwriting ${what} is ${answer === 'stored' ? 'done' : 'refused'}`,
      needs: answer === 'refused' ? ['refusals'] : [],
      async run(bench) {
        const backend = await bench.open()
        const id = bench.id()
        await backend.store(first(id), KEPT)
        assert.equal(await backend.store(second(id), KEPT), answer)
        assert.deepEqual(await backend.fetch(id), (answer === 'stored' ? second : first)(id))
      },
    }),
  ),
  ...FENCES.map(
    ([what, first, second, answer]): BackendCase => ({
      name: `D45 ${what} is ${answer}`,
      needs: ['fences'],
      async run(bench) {
        const backend = await bench.open()
        const id = bench.id()
        await storeAs(backend, started(id), first)
        assert.equal(await storeAs(backend, progress(id), second), answer)
        assert.equal((await backend.fetch(id))?.status, answer === 'stored' ? 'PROGRESS' : 'STARTED')
      },
    }),
  ),
  {
    name: 'D45 a writer without fence does not take the fence away',
    needs: ['fences'],
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await storeAs(backend, started(id), [1, 5])
      await storeAs(backend, progress(id), undefined)
      assert.equal(await storeAs(backend, failure(id), [1, 4]), 'refused')
      assert.equal(await storeAs(backend, failure(id), [1, 5]), 'stored')
    },
  },
  {
    name: 'D45 of two attempts in two processes the later one stays, whichever writes first',
    needs: ['fences', 'shared'],
    async run(bench) {
      const [thawed, current] = [await bench.open(), await bench.open()]
      const [a, b] = bench.ids(2) as [TaskId, TaskId]
      await storeAs(thawed, failure(a), [0, 1])
      await storeAs(current, success(a, 'current'), [0, 2])
      await storeAs(current, failure(b), [0, 2])
      assert.equal(await storeAs(thawed, success(b, 'thawed'), [0, 1]), 'refused')
      assert.equal((await thawed.fetch(a))?.result, 'current')
      assert.equal((await thawed.fetch(b))?.status, 'FAILURE')
    },
  },
  {
    name: 'D41 an attempt that tells its success again, not having heard the answer, is told that it is stored',
    needs: ['fences'],
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      assert.equal(await storeAs(backend, success(id, 'once'), [0, 1]), 'stored')
      assert.equal(await storeAs(backend, success(id, 'once'), [0, 1]), 'stored')
      assert.equal(await storeAs(backend, success(id, 'again'), [0, 2]), 'refused')
      assert.equal((await backend.fetch(id))?.result, 'once')
    },
  },
  {
    name: 'D41 storing a retry twice is fine, its intent stays',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const fence: Fence = { retries: 0, claim: 1 }
      assert.equal(await backend.store(retry(id), { ttl: undefined, fence }), 'stored')
      assert.equal(await backend.store(retry(id), { ttl: undefined, fence }), 'stored')
      assert.deepEqual((await backend.fetch(id))?.intent, { retries: 1, eta: 1 })
    },
  },
  {
    name: 'D51 the attempt that a retry led to takes the intent away',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await storeAs(backend, retry(id), [0, 1])
      await storeAs(backend, started(id), [1, 2])
      const found = await backend.fetch(id)
      assert.deepEqual([found?.status, found?.intent], ['STARTED', undefined])
    },
  },
  {
    name: 'I07 of many writers at once exactly one success is stored, and it stays',
    async run(bench) {
      const backends = await Promise.all([bench.open(), bench.open(), bench.open()])
      const id = bench.id()
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          (backends[i % 3] as ResultBackend).store(success(id, i), KEPT).then(answer => ({ i, answer })),
        ),
      )
      const stored = answers.filter(({ answer }) => answer === 'stored')
      assert.equal(stored.length, 1)
      assert.equal((await (backends[0] as ResultBackend).fetch(id))?.result, stored[0]?.i)
    },
    needs: ['shared'],
  },
]

function storeAs(backend: ResultBackend, record: ResultMeta, attempt: Attempt): Promise<'stored' | 'refused'> {
  const fence = attempt === undefined ? undefined : { retries: attempt[0], claim: attempt[1] }
  return backend.store(record, { ttl: undefined, fence })
}
