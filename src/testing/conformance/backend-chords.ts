import assert from 'node:assert/strict'
import type { Addition, Arrival, ChordPart, ResultBackend } from '../../backends/backend.js'
import { groupId, type TaskId, taskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import { type BackendCase, BOOM, failure, meta, part, success } from './backend-bench.js'

/** Counting: reliability D70, D71, D73. */
export const CHORDS: readonly BackendCase[] = (
  [
    {
      name: 'D70 a chord is complete when every part is there, and its parts stand in the order of their index',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 3, undefined)
        assert.deepEqual(await arriveAll(backend, [part(chord, 2), part(chord, 0)]), ['waiting', 'waiting'])
        assert.deepEqual(valuesOf(await backend.arrive(part(chord, 1), undefined)), [0, 1, 2])
      },
    },
    {
      name: 'D70 a part counts once, however often it arrives, and the last that it said holds',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        const again = [part(chord, 0, 'a'), part(chord, 0, 'a'), part(chord, 0, 'b')]
        assert.deepEqual(await arriveAll(backend, again), ['waiting', 'waiting', 'waiting'])
        assert.deepEqual(valuesOf(await backend.arrive(part(chord, 1, 'c'), undefined)), ['b', 'c'])
      },
    },
    {
      name: 'D70 a part that runs again under another id, at the same index, takes the place of the first',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        await backend.arrive(part(chord, 0, 'first'), undefined)
        const id = taskId('replacement')
        const replaced = { ...part(chord, 0), taskId: id, meta: success(id, 'second') }
        assert.equal((await backend.arrive(replaced, undefined)).kind, 'waiting')
        assert.deepEqual(valuesOf(await backend.arrive(part(chord, 1), undefined)), ['second', 1])
      },
    },
    {
      name: 'D70 parts without an index count by their task, and stand in the order in which they came',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 3, undefined)
        const parts = [3, 1, 3, 2].map(n => ({ ...part(chord, n), index: undefined }))
        const kinds = await arriveAll(backend, parts.slice(0, 3))
        assert.deepEqual(kinds, ['waiting', 'waiting', 'waiting'])
        assert.deepEqual(valuesOf(await backend.arrive(parts[3] as ChordPart, undefined)), [3, 1, 2])
      },
    },
    {
      name: 'D70 ten parts that report at once from two processes make one complete chord',
      needs: ['shared'],
      async run(bench) {
        const backends = [await bench.open(), await bench.open()]
        const chord = bench.chord()
        await (backends[0] as ResultBackend).setChordSize(chord, 10, undefined)
        const arrivals = await Promise.all(
          Array.from({ length: 10 }, (_, i) => (backends[i % 2] as ResultBackend).arrive(part(chord, i), undefined)),
        )
        const complete = arrivals.filter(arrival => arrival.kind === 'complete')
        assert.equal(complete.length, 1)
        assert.deepEqual(valuesOf(complete[0] as Arrival), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      },
    },
    {
      name: 'arrivals before the size is known are kept and counted',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        assert.deepEqual(await arriveAll(backend, [part(chord, 1), part(chord, 0)]), ['waiting', 'waiting'])
        await backend.setChordSize(chord, 3, undefined)
        assert.deepEqual(valuesOf(await backend.arrive(part(chord, 2), undefined)), [0, 1, 2])
      },
    },
    {
      name: 'a replay of the last part finds a chord complete whose size came last',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await arriveAll(backend, [part(chord, 1), part(chord, 0)])
        await backend.setChordSize(chord, 2, undefined)
        assert.deepEqual(valuesOf(await backend.arrive(part(chord, 1), undefined)), [0, 1])
      },
    },
    {
      name: 'a size that the message carries counts when none was told',
      needs: ['size-with-part'],
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        const parts = [0, 1].map(i => ({ ...part(chord, i), size: 2 }))
        assert.deepEqual(await arriveAll(backend, parts), ['waiting', 'complete'])
      },
    },
    {
      name: 'a chord of one is complete with its part',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 1, undefined)
        assert.deepEqual(valuesOf(await backend.arrive(part(chord, 0), undefined)), [0])
      },
    },
    {
      name: 'D71 until it is closed a complete chord answers every arrival with the same parts',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        await arriveAll(backend, [part(chord, 0, 'a'), part(chord, 1, 'b')])
        for (const again of [part(chord, 0, 'other'), part(chord, 1, 'b'), part(chord, 7, 'stray')]) {
          assert.deepEqual(valuesOf(await backend.arrive(again, undefined)), ['a', 'b'])
        }
      },
    },
    {
      name: 'D71 after it was closed every arrival hears that',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        await arriveAll(backend, [part(chord, 0), part(chord, 1)])
        await backend.close(chord)
        await backend.close(chord)
        await backend.setChordSize(chord, 2, undefined)
        assert.deepEqual(await arriveAll(backend, [part(chord, 0), part(chord, 1)]), ['closed', 'closed'])
      },
    },
    {
      name: 'D71 another process hears of the close',
      needs: ['shared'],
      async run(bench) {
        const [one, other] = [await bench.open(), await bench.open()]
        const chord = bench.chord()
        await one.setChordSize(chord, 1, undefined)
        await one.arrive(part(chord, 0), undefined)
        assert.equal((await other.arrive(part(chord, 0), undefined)).kind, 'complete')
        await one.close(chord)
        assert.equal((await other.arrive(part(chord, 0), undefined)).kind, 'closed')
      },
    },
    {
      name: 'D73 parts that failed or were revoked arrive as what they are',
      async run(bench) {
        const { metas, parts } = await mixedChord(await bench.open(), bench.chord())
        const telling = ({ taskId, status, result, error }: ResultMeta) => ({ taskId, status, result, error })
        assert.deepEqual(parts.map(telling), metas.map(telling))
      },
    },
    {
      name: 'D73 parts come back as whole records',
      needs: ['whole-parts'],
      async run(bench) {
        const { metas, parts } = await mixedChord(await bench.open(), bench.chord())
        assert.deepEqual(parts, metas)
      },
    },
    {
      name: 'D70 a task that is added to a chord counts once, however often it is added, beside the part whose index it has',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        const ids = ['more', 'still-more'].map(name => taskId(`${chord}-${name}`))
        const [more, still] = ids.map(id => ({ ...part(chord, 0), taskId: id, meta: success(id, id) }))
        const add = (): Promise<Addition> => backend.addToChord(chord, ids, undefined)
        assert.deepEqual(await Promise.all([add(), add()]), ['added', 'added'])
        assert.deepEqual(
          await arriveAll(backend, [more, more, part(chord, 1)] as ChordPart[]),
          Array(3).fill('waiting'),
        )
        assert.deepEqual(await arriveAll(backend, [part(chord, 0), part(chord, 0)]), ['waiting', 'waiting'])
        assert.equal(await add(), 'added')
        const values = valuesOf(await backend.arrive(still as ChordPart, undefined))
        assert.deepEqual(values.slice(0, 3).toSorted(), [...ids, 0].toSorted())
        assert.deepEqual(values.slice(3), [1])
      },
    },
    {
      name: 'D70 in a chord to which something was added, too, a part that runs again under another id takes the place of the first',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        await backend.arrive(part(chord, 0, 'early'), undefined)
        const [more, second] = ['more', 'second'].map(name => taskId(`${chord}-${name}`)) as [TaskId, TaskId]
        const under = (id: TaskId, index: number): ChordPart => ({
          ...part(chord, index),
          taskId: id,
          meta: success(id, id),
        })
        await backend.addToChord(chord, [more], undefined)
        const again = [under(second, 0), under(second, 0), under(more, 0), under(second, 0)]
        assert.deepEqual(await arriveAll(backend, again), Array(4).fill('waiting'))
        const values = valuesOf(await backend.arrive(part(chord, 1), undefined))
        assert.deepEqual(values.slice(0, 2).toSorted(), [more, second].toSorted())
        assert.deepEqual(values.slice(2), [1])
      },
    },
    {
      name: 'a part whose value names another task is not taken for that one',
      async run(bench) {
        const backend = await bench.open()
        const [placed, unplaced] = [bench.chord(), bench.chord()]
        const more = taskId(`${placed}-more`)
        await backend.setChordSize(placed, 1, undefined)
        await backend.addToChord(placed, [more], undefined)
        assert.equal((await backend.arrive(part(placed, 0, more), undefined)).kind, 'waiting')
        const added = { ...part(placed, 0), taskId: more, meta: success(more, 'more') }
        assert.deepEqual(valuesOf(await backend.arrive(added, undefined)).toSorted(), [more, 'more'].toSorted())
        await backend.setChordSize(unplaced, 2, undefined)
        const [one, two] = [1, 2].map(n => ({ ...part(unplaced, n), index: undefined })) as [ChordPart, ChordPart]
        await backend.arrive({ ...one, meta: success(one.taskId, [two.taskId]) }, undefined)
        assert.deepEqual(valuesOf(await backend.arrive(two, undefined)), [[two.taskId], 2])
      },
    },
    {
      name: 'a task whose id another one begins with is another one',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined)
        const [long, short] = [12, 1].map(n => ({ ...part(chord, n), index: undefined })) as [ChordPart, ChordPart]
        await backend.arrive(long, undefined)
        assert.deepEqual(valuesOf(await backend.arrive(short, undefined)), [12, 1])
      },
    },
    {
      name: 'parts without an index count beside those that are added to their chord, which two processes may do',
      needs: ['shared'],
      async run(bench) {
        const [one, other] = [await bench.open(), await bench.open()]
        const chord = bench.chord()
        await one.setChordSize(chord, 1, undefined)
        const ids = [taskId(`${chord}-more`)]
        assert.deepEqual(
          [await one.addToChord(chord, ids, undefined), await other.addToChord(chord, ids, undefined)],
          ['added', 'added'],
        )
        const [more] = ids.map(id => ({ ...part(chord, 0), index: undefined, taskId: id, meta: success(id, 'more') }))
        assert.equal((await one.arrive({ ...part(chord, 0), index: undefined }, undefined)).kind, 'waiting')
        assert.deepEqual(valuesOf(await other.arrive(more as ChordPart, undefined)), [0, 'more'])
      },
    },
    {
      name: 'nothing new can be added to a chord whose parts have all come, or which is closed',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 1, undefined)
        const [known, late] = ['known', 'late'].map(name => taskId(`${chord}-${name}`)) as [TaskId, TaskId]
        await backend.addToChord(chord, [known], undefined)
        await arriveAll(backend, [part(chord, 0), { ...part(chord, 0), taskId: known, meta: success(known, 'known') }])
        assert.equal(await backend.addToChord(chord, [known], undefined), 'added')
        assert.equal(await backend.addToChord(chord, [late], undefined), 'over')
        assert.equal(valuesOf(await backend.arrive(part(chord, 0), undefined)).length, 2)
        await backend.close(chord)
        assert.equal(await backend.addToChord(chord, [known], undefined), 'over')
        assert.equal(await backend.addToChord(chord, [late], undefined), 'over')
      },
    },
    {
      name: 'what is added stands behind the groups of a header',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        const parts = [part(chord, 0), part(chord, 1), part(chord, 2)]
        const leaf = ({ taskId: id }: ChordPart) => ({ id, parent: undefined, members: undefined })
        const inner = { id: groupId(`${chord}-inner`), parent: undefined, members: parts.slice(0, 2).map(leaf) }
        const members = [inner, ...parts.slice(2).map(leaf)]
        await backend.saveGroup({ id: chord, parent: undefined, members }, undefined)
        await backend.setChordSize(chord, 3, undefined)
        const more = taskId(`${chord}-more`)
        await backend.addToChord(chord, [more], undefined)
        for (const { taskId: id, meta: end } of [...parts, { taskId: more, meta: success(more, 'more') }])
          await backend.store({ ...end, taskId: id }, { ttl: undefined, fence: undefined })
        await arriveAll(backend, [
          { ...part(chord, 0), taskId: more, meta: success(more, 'more') },
          ...parts.slice(0, 2),
        ])
        const last = await backend.arrive(parts[2] as ChordPart, undefined)
        assert.deepEqual(valuesOf(last), [[0, 1], 2, 'more'])
      },
    },
    {
      name: 'chords do not mix',
      async run(bench) {
        const backend = await bench.open()
        const [a, b] = [bench.chord(), bench.chord()]
        await backend.setChordSize(a, 1, undefined)
        await backend.setChordSize(b, 2, undefined)
        assert.equal((await backend.arrive(part(b, 0), undefined)).kind, 'waiting')
        assert.equal((await backend.arrive(part(a, 0), undefined)).kind, 'complete')
        await backend.close(a)
        assert.deepEqual(valuesOf(await backend.arrive(part(b, 1), undefined)), [0, 1])
      },
    },
    {
      name: 'ten thousand parts, each of which arrives twice, make one chord',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        const size = 10_000
        await backend.setChordSize(chord, size, undefined)
        const early = Array.from({ length: size - 1 }, (_, i) => part(chord, size - 1 - i))
        for (const parts of [early, early]) {
          const kinds = await arriveAll(backend, parts)
          assert.ok(kinds.every(kind => kind === 'waiting'))
        }
        const values = valuesOf(await backend.arrive(part(chord, 0), undefined))
        assert.deepEqual(
          values,
          Array.from({ length: size }, (_, i) => i),
        )
      },
    },
  ] satisfies readonly BackendCase[]
).map(one => ({ ...one, needs: ['chords', ...('needs' in one ? one.needs : [])] }))

/** A part that failed, one that was revoked, and one that succeeded. */
async function mixedChord(backend: ResultBackend, chord: ChordPart['chord']) {
  await backend.setChordSize(chord, 3, undefined)
  const ids = [0, 1, 2].map(i => part(chord, i).taskId)
  const metas = [
    failure(ids[0] as ChordPart['taskId']),
    meta(ids[1] as ChordPart['taskId'], { status: 'REVOKED', error: { ...BOOM, module: 'their.module' } }),
    success(ids[2] as ChordPart['taskId'], { ok: [1] }),
  ]
  const arrivals = await Promise.all(
    metas.map((one, index) => backend.arrive({ ...part(chord, index), meta: one }, undefined)),
  )
  return { metas, parts: partsOf(arrivals.find(arrival => arrival.kind === 'complete')) }
}

/** In one turn. */
async function arriveAll(backend: ResultBackend, parts: readonly ChordPart[]): Promise<readonly Arrival['kind'][]> {
  const arrivals = await Promise.all(parts.map(one => backend.arrive(one, undefined)))
  return arrivals.map(arrival => arrival.kind)
}

function valuesOf(arrival: Arrival): readonly unknown[] {
  return partsOf(arrival).map(one => one.result)
}

function partsOf(arrival: Arrival | undefined): Extract<Arrival, { readonly kind: 'complete' }>['parts'] {
  assert.equal(arrival?.kind, 'complete')
  return arrival.parts
}
