import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Arrival, ChordPart, ResultBackend } from '../../../src/backends/backend.js'
import type { RedisBackendOptions } from '../../../src/backends/redis/redis-backend.js'
import { type GroupId, groupId, type TaskId, taskId } from '../../../src/protocol/ids.js'
import { redisBackend } from '../../support/backends/redis-place.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'

/* Counting in Celery's keys, where that says more, or less, than the port does (testing/conformance/backend-chords.ts). */

const missing = await redisMissing()
const skip = missing === undefined ? {} : { skip: missing }
const database = missing === undefined ? await redisDatabase() : undefined
after(() => database?.[Symbol.asyncDispose]())

let names = 0

function open(options: Partial<RedisBackendOptions> = {}): ResultBackend & { readonly chord: GroupId } {
  assert.ok(database)
  return Object.assign(redisBackend(database.url, options), { chord: groupId(`chord-${++names}`) })
}

function client() {
  assert.ok(database)
  return database.client
}

function part(chord: GroupId, index: number | undefined, name: string, result: unknown = name): ChordPart {
  const id = taskId(name)
  const end = { status: 'SUCCESS', result, error: undefined, traceback: undefined, children: undefined } as const
  return { chord, index, taskId: id, meta: { ...end, taskId: id, dateDone: undefined }, size: undefined }
}

async function arriveAll(backend: ResultBackend, parts: readonly ChordPart[]): Promise<readonly Arrival[]> {
  const arrivals: Arrival[] = []
  for (const one of parts) arrivals.push(await backend.arrive(one, 60_000))
  return arrivals
}

function valuesOf(arrival: Arrival | undefined): readonly unknown[] | undefined {
  return arrival?.kind === 'complete' ? arrival.parts.map(({ result }) => result) : undefined
}

const MORE = [taskId('more')] as const satisfies readonly TaskId[]

test(
  'D70 in a list, too, a part of a chord that Lovage opened takes the place of what it was under another id',
  skip,
  async () => {
    await using backend = open({ chordOrdered: false })
    const { chord } = backend
    await backend.setChordSize(chord, 2, 60_000, 'memo')
    await backend.addToChord(chord, MORE, 60_000)
    const parts = [part(chord, 0, 'first'), part(chord, 0, 'more'), part(chord, 0, 'again'), part(chord, 1, 'other')]
    assert.deepEqual((await arriveAll(backend, parts)).map(valuesOf), [
      undefined,
      undefined,
      undefined,
      ['again', 'more', 'other'],
    ])
    await backend.close(chord)
    assert.deepEqual(await client().keys(`*${chord}*`), [`lovage.closed.${chord}`])
  },
)

test(
  'in a chord to which Python has added, every id counts for itself: nobody knows which were added',
  skip,
  async () => {
    for (const chordOrdered of [true, false]) {
      await using backend = open({ chordOrdered })
      const { chord } = backend
      await backend.setChordSize(chord, 2, 60_000, 'memo')
      await backend.addToChord(chord, MORE, 60_000)
      // Source: celery/backends/redis.py `add_to_chord`.
      await client().incr(`celery-taskset-meta-${chord}.t`)
      const parts = [part(chord, 0, 'adder'), part(chord, 0, 'added'), part(chord, 0, 'more'), part(chord, 0, 'adder')]
      const kinds = (await arriveAll(backend, parts)).map(({ kind }) => kind)
      assert.deepEqual(kinds, Array(4).fill('waiting'))
      const values = valuesOf(await backend.arrive(part(chord, 1, 'other'), 60_000))
      assert.deepEqual(values?.toSorted(), ['added', 'adder', 'more', 'other'])
    }
  },
)

test('a part that Python has finished is known by its id, whatever its value says', skip, async () => {
  for (const [chordOrdered, write] of [
    [true, (key: string, member: string) => client().zadd(key, 0, member)],
    [false, (key: string, member: string) => client().rpush(key, member)],
  ] as const) {
    await using backend = open({ chordOrdered })
    const { chord } = backend
    await backend.setChordSize(chord, 1, 60_000)
    await backend.addToChord(chord, MORE, 60_000)
    await write(`celery-taskset-meta-${chord}.j`, '[1, "adder", "SUCCESS", ["more"]]')
    const values = valuesOf(await backend.arrive(part(chord, 0, 'more'), 60_000))
    assert.deepEqual(values?.flat(), ['more', 'more'])
  }
})

test('what was added is known for as long as the chord is', skip, async () => {
  await using backend = open()
  const { chord } = backend
  await backend.setChordSize(chord, 2, 60_000, 'memo')
  await backend.addToChord(chord, MORE, 60_000)
  await backend.arrive(part(chord, 0, 'adder'), 600_000)
  assert.ok((await client().pttl(`lovage.chord.${chord}.added`)) > 60_000)
})
