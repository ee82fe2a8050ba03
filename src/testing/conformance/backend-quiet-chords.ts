import assert from 'node:assert/strict'
import type { ResultBackend } from '../../backends/backend.js'
import type { QuietChord, QuietClaim } from '../../backends/quiet-chord.js'
import { groupId, taskId } from '../../protocol/ids.js'
import { type BackendBench, type BackendCase, part } from './backend-bench.js'

/** Chords that somebody else must end: backends/quiet-chord.ts, reliability D72. */
export const QUIET_CHORDS: readonly BackendCase[] = (
  [
    {
      name: 'D72 a chord whose parts are there and which nobody has closed is told once it has been quiet, with memo and parts',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined, 'memo "ž"\n2')
        await backend.arrive(part(chord, 1), undefined)
        await backend.arrive(part(chord, 0), undefined)
        assert.deepEqual(await claim(backend, { ...soon(bench), quiet: LONG }), [])
        const [found, ...others] = await told(bench, await bench.open())
        assert.deepEqual(others, [])
        assert.deepEqual([found?.chord, found?.memo], [chord, 'memo "ž"\n2'])
        assert.ok(found !== undefined && found.quiet >= soon(bench).quiet, `quiet for ${found?.quiet} ms`)
        const { count } = found
        assert.deepEqual(count.kind === 'complete' && [count.parts.map(({ result }) => result), count.foreign], [
          [0, 1],
          false,
        ])
      },
    },
    {
      name: 'D72 one that waits is told with its size and with the parts that have come',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 3, undefined, 'memo')
        await backend.arrive(part(chord, 2), undefined)
        const [found] = await told(bench, backend)
        assert.deepEqual(found?.count, { kind: 'waiting', size: 3, arrived: [part(chord, 2).taskId] })
      },
    },
    {
      name: 'D72 it is told to one at a time, and again when its time is over',
      async run(bench) {
        const [one, other] = [await bench.open(), await bench.open()]
        const chord = bench.chord()
        await one.setChordSize(chord, 1, undefined, 'memo')
        await one.arrive(part(chord, 0), undefined)
        await bench.place.pass(soon(bench).quiet * 2)
        const held = { ...soon(bench), hold: LONG }
        const answers = await Promise.all([one, other, one, other].map(backend => claim(backend, held)))
        assert.equal(answers.flat().length, 1)
        const again = bench.chord()
        await one.setChordSize(again, 1, undefined, 'memo')
        assert.equal((await told(bench, other)).length, 1)
        assert.equal((await told(bench, other)).length, 1)
      },
    },
    {
      name: 'D72 a part that comes is news: the chord is told again once it has been quiet since then',
      async run(bench) {
        const backend = await bench.open()
        const chord = bench.chord()
        await backend.setChordSize(chord, 2, undefined, 'memo')
        await bench.place.pass(soon(bench).quiet * 2)
        assert.equal((await claim(backend, { ...soon(bench), hold: LONG, most: LONG })).length, 1)
        await backend.arrive(part(chord, 0), undefined)
        const [found] = await told(bench, backend)
        assert.deepEqual(found?.count, { kind: 'waiting', size: 2, arrived: [part(chord, 0).taskId] })
      },
    },
    {
      name: 'D72 closed ones are not told, nor those without a memo, nor any whose time is over',
      async run(bench) {
        const backend = await bench.open()
        const [closed, bare, both] = [bench.chord(), bench.chord(), bench.chord()]
        await backend.setChordSize(closed, 1, undefined, 'memo')
        await backend.arrive(part(closed, 0), undefined)
        await backend.close(closed)
        await backend.arrive(part(closed, 0), undefined)
        await backend.setChordSize(closed, 1, undefined, 'memo')
        await backend.setChordSize(bare, 1, undefined)
        await backend.arrive(part(bare, 0), undefined)
        await backend.setChordSize(both, 1, undefined, 'memo')
        assert.deepEqual(
          (await told(bench, backend)).map(({ chord }) => chord),
          [both],
        )
      },
    },
    {
      name: 'D72 one whose time is over is not told',
      needs: ['expiry'],
      async run(bench) {
        const backend = await bench.open()
        const { ttl } = bench.times
        const [over, stays] = [bench.chord(), bench.chord()]
        await backend.setChordSize(over, 1, ttl, 'memo')
        await backend.setChordSize(stays, 1, undefined, 'memo')
        await bench.place.pass(ttl * 2)
        assert.deepEqual(
          (await told(bench, backend)).map(({ chord }) => chord),
          [stays],
        )
      },
    },
    {
      name: 'D72 values come in the tree of the header where one was saved; one that is gone is told as such, and keeps no other back',
      needs: ['groups'],
      async run(bench) {
        const backend = await bench.open()
        const [nested, broken] = [bench.chord(), bench.chord()]
        const leaf = (id: string) => ({ id: taskId(id), parent: undefined, members: undefined })
        const parts = [part(nested, 0), part(nested, 1)]
        const members = [
          leaf(part(nested, 0).taskId),
          { id: groupId('g'), parent: undefined, members: [leaf(part(nested, 1).taskId)] },
        ]
        await backend.saveGroup({ id: nested, parent: undefined, members }, undefined)
        await backend.saveGroup({ id: broken, parent: undefined, members: [leaf('never')] }, undefined)
        await backend.setChordSize(nested, 2, undefined, 'memo')
        await backend.setChordSize(broken, 1, undefined, 'memo')
        for (const each of parts) {
          await backend.store(each.meta, { ttl: undefined, fence: undefined })
          await backend.arrive(each, undefined)
        }
        await backend.arrive(part(broken, 0), undefined).catch(() => undefined)
        const found = new Map((await told(bench, backend, 2)).map(({ chord, count }) => [chord, count]))
        const count = found.get(nested)
        assert.deepEqual(count?.kind === 'complete' && count.parts.map(({ result }) => result), [0, [1]])
        assert.equal(found.get(broken)?.kind, 'unreadable')
      },
    },
    {
      name: 'D72 many are told in the order of their silence, as many as were asked for',
      async run(bench) {
        const backend = await bench.open()
        const chords = Array.from({ length: 25 }, () => bench.chord())
        for (const chord of chords) {
          await backend.setChordSize(chord, 1, undefined, 'memo')
          await bench.place.pass(2)
        }
        await bench.place.pass(soon(bench).quiet * 2)
        const held = { ...soon(bench), hold: LONG, most: LONG, limit: 10 }
        const found: string[] = []
        for (let round = 0; round < 3; round++)
          found.push(...(await claim(backend, held)).map(({ chord }) => chord).toSorted())
        const inTens = [chords.slice(0, 10), chords.slice(10, 20), chords.slice(20)].flatMap(ten => ten.toSorted())
        assert.deepEqual(found, inTens)
      },
    },
  ] satisfies readonly BackendCase[]
).map(one => ({ ...one, needs: ['chords', 'quiet-chords', ...('needs' in one ? one.needs : [])] }))

const LONG = 100_000

function soon(bench: BackendBench): QuietClaim {
  const { quiet } = bench.times
  return { quiet, hold: quiet, most: quiet, limit: 100 }
}

async function claim(backend: ResultBackend, how: QuietClaim): Promise<readonly QuietChord[]> {
  assert.ok(backend.claimQuietChords, 'the backend finds quiet chords')
  return await backend.claimQuietChords(how)
}

/** Waits until so many have been told. */
async function told(bench: BackendBench, backend: ResultBackend, count = 1): Promise<readonly QuietChord[]> {
  const found: QuietChord[] = []
  await bench.eventually(`${count} quiet chords`, async () => {
    found.push(...(await claim(backend, soon(bench))))
    return found.length >= count
  })
  return found
}
