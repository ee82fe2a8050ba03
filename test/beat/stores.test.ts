import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { BeatRecord, BeatStore } from '../../src/beat/beat-store.js'
import { MemoryBeatStore } from '../../src/beat/memory-beat-store.js'
import { openBeatStore } from '../../src/beat/open-beat-store.js'
import { SqliteBeatStore } from '../../src/beat/sqlite/sqlite-beat-store.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'

/** A place that several stores lead to. */
interface Place extends AsyncDisposable {
  open(): Promise<BeatStore>
}

interface Kind {
  readonly name: string
  readonly skip?: string | undefined
  place(): Promise<Place>
}

const KINDS: readonly Kind[] = [
  {
    name: 'memory',
    place: async () => {
      const store = new MemoryBeatStore(nodeRuntime().clock)
      return { open: async () => store, [Symbol.asyncDispose]: async () => {} }
    },
  },
  {
    name: 'SQLite',
    place: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lovage-beat-'))
      const open = opener(`sqlite:///${join(folder, 'beat.db')}`)
      return {
        open: open.open,
        [Symbol.asyncDispose]: () => open.close().then(() => rmSync(folder, { recursive: true })),
      }
    },
  },
  {
    name: 'PostgreSQL',
    skip: needsPostgres.skip,
    place: async () => {
      const database = await ScratchDatabase.create()
      const open = opener(database.url())
      return { open: open.open, [Symbol.asyncDispose]: () => open.close().then(() => database[Symbol.asyncDispose]()) }
    },
  },
  {
    name: 'Redis',
    skip: await redisMissing(),
    place: async () => {
      const database = await redisDatabase()
      const open = opener(database.url)
      return { open: open.open, [Symbol.asyncDispose]: () => open.close().then(() => database[Symbol.asyncDispose]()) }
    },
  },
]

/** Stores as an app opens them. */
function opener(url: string): { open(): Promise<BeatStore>; close(): Promise<void> } {
  const app = new App('beats', { beatStoreUrl: url }, { environment: {} })
  const opened: BeatStore[] = []
  return {
    open: async () => {
      const store = await openBeatStore(app)
      opened.push(store)
      return store
    },
    close: async () => {
      for (const store of opened) await store[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
    },
  }
}

const LONG = 60_000

for (const { name, skip, place } of KINDS) {
  describe(`the beat store in ${name}`, skip === undefined ? {} : { skip }, () => {
    test('D90 one leads; who asks meanwhile hears who it is, and for how long', async () => {
      await using there = await place()
      const [a, b] = [await there.open(), await there.open()]
      assert.equal(await a.leader(), undefined)
      const first = await a.lead('a', LONG)
      assert.equal(first.kind, 'leading')
      const second = await b.lead('b', LONG)
      assert.ok(second.kind === 'following' && second.leader === 'a')
      assert.ok(second.left > 0 && second.left <= LONG, `${second.left}`)
      const leader = await b.leader()
      assert.deepEqual([leader?.holder, leader?.term], ['a', first.kind === 'leading' ? first.term : 0])
    })

    test('D90 renewing keeps the term, every change of leader has a higher one', async () => {
      await using there = await place()
      const [a, b] = [await there.open(), await there.open()]
      const terms: number[] = []
      const lead = async (store: BeatStore, holder: string, ttl = LONG): Promise<void> => {
        const answer = await store.lead(holder, ttl)
        assert.ok(answer.kind === 'leading', `${holder} does not lead`)
        terms.push(answer.term)
      }
      await lead(a, 'a')
      await lead(a, 'a')
      await b.resign('b')
      assert.equal((await b.lead('b', LONG)).kind, 'following', 'a stranger cannot resign for it')
      await a.resign('a')
      await lead(b, 'b', 1)
      while ((await a.lead('a', LONG)).kind === 'following');
      await lead(a, 'a')
      assert.equal(terms[0], terms[1])
      assert.ok(Number(terms[2]) > Number(terms[1]) && Number(terms[3]) > Number(terms[2]), `${terms}`)
    })

    test('D90 of many that ask at once one leads', async () => {
      await using there = await place()
      const stores = await Promise.all([1, 2, 3, 4].map(() => there.open()))
      const answers = await Promise.all(stores.map((store, i) => store.lead(`beat ${i}`, LONG)))
      assert.equal(answers.filter(({ kind }) => kind === 'leading').length, 1)
    })

    test('D90 D94 what is written in a term that is over is refused, all of it', async () => {
      await using there = await place()
      const [a, b] = [await there.open(), await there.open()]
      const old = await a.lead('a', LONG)
      assert.ok(old.kind === 'leading')
      assert.equal(await a.write([{ key: 'state:x', value: '1' }], old.term), 'written')
      await a.resign('a')
      assert.equal(await a.write([{ key: 'state:x', value: '2' }], old.term), 'fenced')
      const next = await b.lead('b', LONG)
      assert.ok(next.kind === 'leading')
      const late = [
        { key: 'state:x', value: '3' },
        { key: 'state:y', value: '3' },
      ]
      assert.equal(await a.write(late, old.term), 'fenced')
      assert.equal(await b.write([{ key: 'state:z', value: '4' }], next.term), 'written')
      assert.deepEqual(sorted((await b.changes(0)).records), ['state:x=1', 'state:z=4'])
    })

    test('changes tell what was written after a cursor, each key once, removed ones too', async () => {
      await using there = await place()
      const [a, b] = [await there.open(), await there.open()]
      const none = await b.changes(0)
      assert.deepEqual(none.records, [])
      const text = 'ü "quoted" \n \u2028 line'
      await a.write([
        { key: 'entry:one', value: text },
        { key: 'entry:two', value: '2' },
      ])
      const both = await b.changes(none.cursor)
      assert.deepEqual(sorted(both.records), [`entry:one=${text}`, 'entry:two=2'])
      assert.deepEqual((await b.changes(both.cursor)).records, [])
      await a.write([{ key: 'entry:two', value: undefined }])
      await a.write([{ key: 'entry:one', value: '1' }])
      await a.write([{ key: 'entry:one', value: '11' }])
      assert.deepEqual(sorted((await b.changes(both.cursor)).records), ['entry:one=11', 'entry:two=undefined'])
      const all = await b.changes(0)
      assert.deepEqual(sorted(all.records.filter(({ value }) => value !== undefined)), ['entry:one=11'])
    })

    test('no reader that follows the cursor misses what several write at once', async () => {
      await using there = await place()
      const stores = await Promise.all([1, 2, 3].map(() => there.open()))
      const reader = await there.open()
      const seen = new Set<string>()
      let cursor = 0
      const read = async (): Promise<void> => {
        const changes = await reader.changes(cursor)
        cursor = changes.cursor
        for (const { key } of changes.records) seen.add(key)
      }
      let writing = true
      const writes = Promise.all(
        stores.map(async (store, s) => {
          for (let i = 0; i < 30; i++) await store.write([{ key: `entry:${s}-${i}`, value: 'x' }])
        }),
      ).finally(() => {
        writing = false
      })
      while (writing) await read()
      await writes
      await read()
      assert.equal(seen.size, 90)
    })

    test('a thousand entries are read and written at once', async () => {
      await using there = await place()
      const store = await there.open()
      const records = Array.from({ length: 1000 }, (_, i) => ({ key: `entry:${i}`, value: `{"n":${i}}` }))
      assert.equal(await store.write(records), 'written')
      assert.equal((await store.changes(0)).records.length, 1000)
    })
  })
}

test('H65 a damaged file is kept aside, and said; the store begins anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-beat-'))
  try {
    const path = join(folder, 'beat.db')
    const options = { url: `sqlite:///${path}`, path, durability: 'os', allowNetworkFilesystem: false } as const
    {
      await using store = new SqliteBeatStore(options)
      await store.write(Array.from({ length: 1000 }, (_, i) => ({ key: `entry:${i}`, value: '{}' })))
    }
    truncateSync(path, 4096 * 3)
    await using store = new SqliteBeatStore(options)
    await assert.rejects(store.changes(0), { name: 'BeatStoreError', code: 'LVG_SQLITE_DAMAGED', transient: true })
    assert.deepEqual((await store.changes(0)).records, [])
    assert.ok(
      readdirSync(folder).some(name => name.startsWith('beat.db.damaged-')),
      String(readdirSync(folder)),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('H65 a file of something else is left alone, and the error says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-beat-'))
  try {
    const path = join(folder, 'beat.db')
    writeFileSync(path, 'the diary of somebody')
    await using store = new SqliteBeatStore({
      ...{ url: `sqlite:///${path}`, path, durability: 'os' },
      allowNetworkFilesystem: false,
    })
    await assert.rejects(store.changes(0), { code: 'LVG_SQLITE_FOREIGN_FILE' })
    assert.equal(readFileSync(path, 'utf8'), 'the diary of somebody')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function sorted(records: readonly BeatRecord[]): readonly string[] {
  return records.map(({ key, value }) => `${key}=${value}`).sort()
}
