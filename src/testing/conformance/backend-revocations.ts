import assert from 'node:assert/strict'
import type { ResultBackend } from '../../backends/backend.js'
import type { RevocationLog } from '../../backends/revocation-log.js'
import type { BackendCase } from './backend-bench.js'

const KEEP = Object.freeze({ ttl: 60_000, max: 1000 })

function logOf(backend: ResultBackend): RevocationLog {
  assert.ok(backend.revocations, 'the backend keeps revocations')
  return backend.revocations
}

async function texts(log: RevocationLog, cursor = '', limit = 1000): Promise<readonly string[]> {
  return (await log.after(cursor, limit)).entries.map(({ entry }) => entry)
}

/** What a store of revocations owes: backends/revocation-log.ts. */
export const REVOCATIONS: readonly BackendCase[] = [
  {
    name: 'H57 what is revoked is read by others, in the order in which it came, with the time that is left',
    needs: ['revocations'],
    async run(bench) {
      const log = logOf(await bench.open())
      await log.append(['a', 'b'], KEEP)
      await log.append(['ž "\\ c'], KEEP)
      const { entries } = await logOf(await bench.open()).after('', 1000)
      assert.deepEqual(entries.map(({ entry }) => entry).toSorted(), ['a', 'b', 'ž "\\ c'])
      assert.equal(entries.at(-1)?.entry, 'ž "\\ c')
      for (const { left } of entries) assert.ok(left > 0 && left <= KEEP.ttl, String(left))
    },
  },
  {
    name: 'H57 who goes on from a cursor sees what came since',
    needs: ['revocations'],
    async run(bench) {
      const log = logOf(await bench.open())
      assert.deepEqual(await texts(log), [])
      await log.append(['a'], KEEP)
      const { cursor } = await log.after('', 1000)
      await log.append(['b'], KEEP)
      const since = await texts(log, cursor)
      assert.equal(since.at(-1), 'b')
      assert.ok(!(await texts(log, (await log.after(cursor, 1000)).cursor)).includes('c'))
    },
  },
  {
    name: 'H57 what is revoked twice is kept once',
    needs: ['revocations'],
    async run(bench) {
      const log = logOf(await bench.open())
      await log.append(['a', 'b', 'a'], KEEP)
      await log.append(['a'], KEEP)
      assert.deepEqual([...(await texts(log))].toSorted(), ['a', 'b'])
    },
  },
  {
    name: 'H58 the oldest leave first when there are too many',
    needs: ['revocations'],
    async run(bench) {
      const log = logOf(await bench.open())
      for (const entry of ['a', 'b', 'c', 'd']) await log.append([entry], { ...KEEP, max: 2 })
      assert.deepEqual(await texts(log), ['c', 'd'])
    },
  },
  {
    name: 'H58 an entry is not read after its time',
    needs: ['revocations', 'expiry'],
    async run(bench) {
      const log = logOf(await bench.open())
      const { ttl } = bench.times
      await log.append(['short'], { ...KEEP, ttl })
      await log.append(['long'], { ...KEEP, ttl: 100 * ttl })
      await bench.place.pass(2 * ttl)
      assert.deepEqual(await texts(log), ['long'])
      await log.append(['next'], { ...KEEP, ttl: 100 * ttl })
      assert.deepEqual(await texts(log), ['long', 'next'])
    },
  },
]
