import assert from 'node:assert/strict'
import { groupId, type TaskId } from '../../protocol/ids.js'
import { type BackendCase, KEPT, part, started, success } from './backend-bench.js'

/** Time to live: results.md §2. */
export const EXPIRY: readonly BackendCase[] = (
  [
    {
      name: 'a record is there until its time is over, and not after',
      async run(bench) {
        const backend = await bench.open()
        const [short, long, kept] = bench.ids(3) as [TaskId, TaskId, TaskId]
        const { ttl } = bench.times
        await backend.store(success(short, 1), { ttl, fence: undefined })
        await backend.store(success(long, 2), { ttl: ttl * 1000, fence: undefined })
        await backend.store(success(kept, 3), KEPT)
        assert.equal((await backend.fetch(short))?.result, 1)
        await bench.place.pass(ttl)
        await bench.eventually('the end of a record', async () => (await backend.fetch(short)) === undefined)
        assert.equal((await backend.fetch(long))?.result, 2)
        assert.equal((await backend.fetch(kept))?.result, 3)
      },
    },
    {
      name: 'every store begins the time anew',
      async run(bench) {
        const backend = await bench.open()
        const [longer, shorter] = bench.ids(2) as [TaskId, TaskId]
        const { ttl } = bench.times
        await backend.store(started(longer), { ttl, fence: undefined })
        await backend.store(success(longer, 1), { ttl: ttl * 1000, fence: undefined })
        await backend.store(started(shorter), { ttl: ttl * 1000, fence: undefined })
        await backend.store(success(shorter, 1), { ttl, fence: undefined })
        await bench.place.pass(ttl)
        await bench.eventually('the end of a record', async () => (await backend.fetch(shorter)) === undefined)
        assert.equal((await backend.fetch(longer))?.result, 1)
      },
    },
    {
      name: 'D45 with its record a fence is over, too',
      needs: ['fences'],
      async run(bench) {
        const backend = await bench.open()
        const id = bench.id()
        const { ttl } = bench.times
        await backend.store(success(id, 'old'), { ttl, fence: { retries: 5, claim: 9 } })
        await bench.place.pass(ttl)
        await bench.eventually('the end of a record', async () => (await backend.fetch(id)) === undefined)
        const answer = await backend.store(success(id, 'new'), { ttl: undefined, fence: { retries: 0, claim: 1 } })
        assert.equal(answer, 'stored')
        assert.equal((await backend.fetch(id))?.result, 'new')
      },
    },
    {
      name: 'a watcher that comes after the end hears nothing of it',
      async run(bench) {
        const backend = await bench.open()
        const id = bench.id()
        await backend.store(success(id, 1), { ttl: bench.times.ttl, fence: undefined })
        await bench.place.pass(bench.times.ttl)
        await bench.eventually('the end of a record', async () => (await backend.fetch(id)) === undefined)
        const watcher = bench.watch(backend, [id])
        await bench.quiet()
        assert.deepEqual(watcher.metas, [])
      },
    },
    {
      name: 'a saved group is there until its time is over, and not after',
      needs: ['groups'],
      async run(bench) {
        const backend = await bench.open()
        const id = groupId('g')
        await backend.saveGroup({ id, parent: undefined, members: [] }, bench.times.ttl)
        assert.equal((await backend.fetchGroup(id))?.id, id)
        await bench.place.pass(bench.times.ttl)
        await bench.eventually('the end of a group', async () => (await backend.fetchGroup(id)) === undefined)
      },
    },
    {
      name: 'a chord whose time is over begins anew',
      needs: ['chords'],
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        const { ttl } = bench.times
        await backend.setChordSize(chord, 2, ttl)
        await backend.arrive(part(chord, 0), ttl)
        await bench.place.pass(ttl * 2)
        await backend.setChordSize(chord, 2, undefined)
        assert.equal((await backend.arrive(part(chord, 1), undefined)).kind, 'waiting')
      },
    },
    {
      name: 'every arrival keeps its chord alive',
      needs: ['chords'],
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        const { ttl } = bench.times
        await backend.setChordSize(chord, 3, ttl)
        for (let i = 0; i < 2; i++) {
          await backend.arrive(part(chord, i), ttl * 1000)
          await bench.place.pass(ttl * 2)
        }
        assert.equal((await backend.arrive(part(chord, 2), ttl)).kind, 'complete')
      },
    },
    {
      name: 'cleaning up leaves what is in time',
      async run(bench) {
        const backend = await bench.open()
        const { ttl } = bench.times
        const ids = bench.ids(50)
        await Promise.all(
          ids.map((id, i) => backend.store(success(id, i), { ttl: i < 25 ? ttl : undefined, fence: undefined })),
        )
        await bench.place.pass(ttl * 2)
        const removed = await backend.cleanup()
        assert.ok(removed >= 0 && removed <= 25, `removed ${removed}`)
        const found = await Promise.all(ids.map(id => backend.fetch(id)))
        assert.deepEqual(
          found.map(one => one?.result),
          ids.map((_, i) => (i < 25 ? undefined : i)),
        )
        assert.equal(await backend.cleanup(), 0)
      },
    },
  ] satisfies readonly BackendCase[]
).map(one => ({ ...one, needs: ['expiry', ...('needs' in one ? one.needs : [])] }))
