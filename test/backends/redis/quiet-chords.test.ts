import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResultBackend } from '../../../src/backends/backend.js'
import type { QuietChord } from '../../../src/backends/quiet-chord.js'
import { type GroupId, groupId, taskId } from '../../../src/protocol/ids.js'
import { redisBackend } from '../../support/backends/redis-place.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'

/* Chords that Lovage opened and of which Python workers count parts: they know nothing of our keys. */

const missing = redisServerMissing()
const skip = missing === undefined ? {} : { skip: missing }

/** Whatever is open. */
const ALL = { quiet: 0, hold: 0, most: 0, limit: 100 }

async function look(backend: ResultBackend): Promise<readonly QuietChord[]> {
  assert.ok(backend.claimQuietChords)
  return await backend.claimQuietChords(ALL)
}

/** Source: celery/backends/redis.py `on_chord_part_return`. */
function partOfPython(chord: GroupId, index: number): readonly [key: string, score: number, member: string] {
  return [`celery-taskset-meta-${chord}.j`, index, `[1, "p${index}", "SUCCESS", ${index}]`]
}

test(
  'D72 a chord whose last part came to a Python worker is left to it at first, and told as its own then',
  skip,
  async () => {
    await using server = await privateRedis()
    await using backend = redisBackend(server.url)
    const client = await server.client()
    const chord = groupId('c')
    await backend.setChordSize(chord, 2, 60_000, 'memo')
    await client.zadd(...partOfPython(chord, 0))
    const [waiting] = await look(backend)
    assert.deepEqual(waiting?.count, { kind: 'waiting', size: 2, arrived: [taskId('p0')] })
    await client.zadd(...partOfPython(chord, 1))
    assert.deepEqual(await look(backend), [])
    const [found] = await look(backend)
    assert.deepEqual(
      found?.count.kind === 'complete' && [found.count.parts.map(({ result }) => result), found.count.foreign],
      [[0, 1], true],
    )
  },
)

test('D72 what a Python worker has ended is forgotten, and leaves nothing of ours behind', skip, async () => {
  await using server = await privateRedis()
  await using backend = redisBackend(server.url)
  const client = await server.client()
  const chord = groupId('c')
  await backend.setChordSize(chord, 1, 60_000, 'memo')
  await client.zadd(...partOfPython(chord, 0))
  // Source: celery/backends/redis.py, after the body was sent.
  await client.del(...['.j', '.t', '.s'].map(end => `celery-taskset-meta-${chord}${end}`))
  assert.deepEqual([await look(backend), await look(backend)], [[], []])
  assert.deepEqual(await client.keys('*'), [])
})
