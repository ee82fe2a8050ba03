import assert from 'node:assert/strict'
import type { TaskId } from '../../protocol/ids.js'
import { type BackendCase, failure, KEPT, meta, started, success } from './backend-bench.js'

/** `watch`: the present record, then every later change, pushed. */
export const WATCHING: readonly BackendCase[] = [
  {
    name: 'a watcher hears first what is there, then what changes',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(started(id), KEPT)
      const watcher = bench.watch(backend, [id])
      await bench.heard(watcher, 1)
      await backend.store(success(id, 5), KEPT)
      await bench.heard(watcher, 2)
      assert.deepEqual(watcher.metas, [started(id), success(id, 5)])
    },
  },
  {
    name: 'a watcher hears each state, in order, when they come one after another',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const watcher = bench.watch(backend, [id])
      const records = [started(id), ...[1, 2, 3].map(n => meta(id, { status: 'PROGRESS', result: n })), failure(id)]
      for (const [i, record] of records.entries()) {
        await backend.store(record, KEPT)
        await bench.heard(watcher, i + 1)
      }
      assert.deepEqual(watcher.metas, records)
    },
  },
  {
    name: 'whoever comes late hears the final record at once',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(success(id, 5), KEPT)
      const watcher = bench.watch(backend, [id])
      assert.deepEqual(await bench.heard(watcher, 1), [success(id, 5)])
    },
  },
  {
    name: 'a record stored in the very turn in which the watch begins is heard, once',
    async run(bench) {
      const backend = await bench.open()
      const ids = bench.ids(100)
      const watchers = ids.map((id, i) => {
        if (i % 2 === 0) void backend.store(success(id, i), KEPT)
        const watcher = bench.watch(backend, [id])
        if (i % 2 === 1) void backend.store(success(id, i), KEPT)
        return watcher
      })
      await bench.eventually('a record for each', () => watchers.every(watcher => watcher.metas.length > 0))
      await bench.quiet()
      assert.deepEqual(
        watchers.map(watcher => watcher.metas.map(one => one.result)),
        ids.map((_, i) => [i]),
      )
    },
  },
  {
    name: 'nothing is heard of other ids, nor of refused records',
    async run(bench) {
      const backend = await bench.open()
      const [mine, other] = bench.ids(2) as [TaskId, TaskId]
      await backend.store(success(mine, 1), KEPT)
      const watcher = bench.watch(backend, [mine])
      await bench.heard(watcher, 1)
      await backend.store(success(other, 2), KEPT)
      await backend.store(success(mine, 3), KEPT)
      await bench.quiet()
      assert.deepEqual(watcher.metas, [success(mine, 1)])
    },
  },
  {
    name: 'one watcher hears of thousands of ids, each once',
    async run(bench) {
      const backend = await bench.open()
      const ids = bench.ids(5000)
      await Promise.all(ids.slice(0, 1000).map((id, i) => backend.store(success(id, i), KEPT)))
      const watcher = bench.watch(backend, ids)
      await bench.heard(watcher, 1000)
      await Promise.all(ids.slice(1000).map((id, i) => backend.store(success(id, 1000 + i), KEPT)))
      await bench.heard(watcher, 5000)
      await bench.quiet()
      const values = watcher.metas.map(one => one.result as number)
      assert.deepEqual(
        values.toSorted((a, b) => a - b),
        ids.map((_, i) => i),
      )
    },
  },
  {
    name: 'an id named twice is heard once',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(started(id), KEPT)
      const watcher = bench.watch(backend, [id, id])
      await bench.heard(watcher, 1)
      await backend.store(success(id, 1), KEPT)
      await bench.heard(watcher, 2)
      await bench.quiet()
      assert.deepEqual(watcher.states, ['STARTED', 'SUCCESS'])
    },
  },
  {
    name: 'two watchers of one id both hear everything, and one may leave',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const [leaving, staying] = [bench.watch(backend, [id]), bench.watch(backend, [id])]
      await backend.store(started(id), KEPT)
      await bench.heard(leaving, 1)
      await bench.heard(staying, 1)
      leaving.abort()
      await bench.eventually('the end', () => leaving.ended)
      await backend.store(success(id, 1), KEPT)
      await bench.heard(staying, 2)
      assert.deepEqual([leaving.states, staying.states], [['STARTED'], ['STARTED', 'SUCCESS']])
    },
  },
  {
    name: 'a watcher that comes just when the last one of an id leaves misses nothing',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const first = bench.watch(backend, [id])
      await backend.store(started(id), KEPT)
      await bench.heard(first, 1)
      first.abort()
      const second = bench.watch(backend, [id])
      await bench.heard(second, 1)
      await backend.store(success(id, 1), KEPT)
      await bench.heard(second, 2)
      assert.deepEqual(second.states, ['STARTED', 'SUCCESS'])
    },
  },
  {
    name: 'an aborted watch just ends, whether something came or not',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      const [quiet, early] = [bench.watch(backend, [id]), bench.watch(backend, [id])]
      early.abort()
      await bench.quiet()
      quiet.abort()
      await bench.eventually('both ends', () => quiet.ended && early.ended)
      assert.deepEqual([quiet.error, early.error], [undefined, undefined])
    },
  },
  {
    name: 'a watch whose signal has fired already ends at once',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(success(id, 1), KEPT)
      for await (const found of backend.watch([id], AbortSignal.abort())) assert.fail(`heard ${found.status}`)
    },
  },
  {
    name: 'leaving the loop ends the watch',
    async run(bench) {
      const backend = await bench.open()
      const id = bench.id()
      await backend.store(success(id, 1), KEPT)
      for await (const found of backend.watch([id], new AbortController().signal)) {
        assert.equal(found.result, 1)
        break
      }
    },
  },
  {
    name: 'closing the backend ends its watches',
    async run(bench) {
      const backend = await bench.open()
      const watcher = bench.watch(backend, [bench.id()])
      await bench.quiet()
      await backend[Symbol.asyncDispose]()
      await bench.eventually('the end', () => watcher.ended)
      assert.equal(watcher.error, undefined)
    },
  },
  {
    name: 'a watcher hears what other processes store',
    needs: ['shared'],
    async run(bench) {
      const [reader, writer] = [await bench.open(), await bench.open()]
      const ids = bench.ids(50)
      const watcher = bench.watch(reader, ids)
      await bench.quiet()
      for (const id of ids.slice(0, 5)) await writer.store(success(id, id), KEPT)
      await Promise.all(ids.slice(5).map(id => writer.store(success(id, id), KEPT)))
      await bench.heard(watcher, ids.length)
      assert.deepEqual(watcher.metas.map(one => one.result).toSorted(), ids.toSorted())
    },
  },
  {
    name: 'the last of many changes from two processes is heard last',
    needs: ['shared'],
    async run(bench) {
      const [reader, writer] = [await bench.open(), await bench.open()]
      const id = bench.id()
      const watcher = bench.watch(reader, [id])
      for (let n = 0; n < 20; n++) {
        await Promise.all([
          writer.store(meta(id, { status: 'PROGRESS', result: n }), KEPT),
          reader.store(meta(id, { status: 'PROGRESS', result: n }), KEPT),
        ])
      }
      await writer.store(success(id, 'end'), KEPT)
      await bench.eventually('the end', () => watcher.metas.at(-1)?.result === 'end')
      await bench.quiet()
      assert.equal(watcher.states.filter(state => state === 'SUCCESS').length, 1)
      const steps = watcher.metas.slice(0, -1).map(one => one.result as number)
      assert.deepEqual(
        steps,
        steps.toSorted((a, b) => a - b),
      )
    },
  },
]
