import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SqliteError } from '../errors.js'
import { Database, type Durability } from './database.js'

/** A fresh file, gone after the test. */
function fresh(durability: Durability = 'os'): { readonly db: Database; readonly path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-db-'))
  const path = join(folder, 'x.db')
  const db = new Database(path, { durability })
  return {
    db,
    path,
    [Symbol.dispose]() {
      db.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

test('D12 the durability of every connection is set explicitly', () => {
  for (const [durability, synchronous] of [
    ['full', 2],
    ['os', 1],
  ] as const) {
    using file = fresh(durability)
    assert.equal(file.db.get('PRAGMA synchronous')?.['synchronous'], synchronous)
    assert.equal(file.db.get('PRAGMA journal_mode')?.['journal_mode'], 'wal')
    assert.equal(file.db.get('PRAGMA temp_store')?.['temp_store'], 2)
    assert.equal(file.db.get('PRAGMA foreign_keys')?.['foreign_keys'], 1)
    assert.equal(file.db.get('PRAGMA trusted_schema')?.['trusted_schema'], 0)
  }
})

test('D12 a transaction may be one that is lost with the power, and the next is none', () => {
  using file = fresh('full')
  const synchronous = () => file.db.get('PRAGMA synchronous')?.['synchronous']
  assert.equal(file.db.transaction(synchronous, 'os'), 1)
  assert.equal(
    file.db.transaction(() => file.db.transaction(synchronous, 'os')),
    2,
  )
  assert.equal(file.db.transaction(synchronous, 'os'), 1)
  assert.equal(file.db.transaction(synchronous), 2)
})

test('values come back as they went in', () => {
  using file = fresh()
  file.db.exec('CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d REAL) STRICT')
  const pool = new Uint8Array([9, 9, 0, 255, 9])
  file.db.run('INSERT INTO t VALUES (?1, ?2, ?3, ?4)', 2 ** 52, 'ä\u{1f600}', pool.subarray(2, 4), 0.5)
  file.db.run('INSERT INTO t VALUES (?1, ?2, ?3, ?4)', null, null, pool.slice(0, 0).subarray(0, 0), null)
  const rows = file.db.all<{ a: number; b: string; c: Uint8Array; d: number }>('SELECT * FROM t')
  const first = file.db.get<{ c: Uint8Array }>('SELECT * FROM t')
  assert.deepEqual(Object.keys(first ?? {}), ['a', 'b', 'c', 'd'])
  assert.deepEqual([...(first?.c ?? [])], [0, 255])
  assert.deepEqual(
    rows.map(row => [row.a, row.b, [...row.c], row.d]),
    [
      [2 ** 52, 'ä\u{1f600}', [0, 255], 0.5],
      [null, null, [], null],
    ],
  )
})

test('an integer beyond 2^53 goes in exactly, and throws rather than come out rounded', () => {
  using file = fresh()
  file.db.exec('CREATE TABLE t (a INTEGER) STRICT')
  file.db.run('INSERT INTO t VALUES (?1)', 2n ** 60n + 1n)
  assert.equal(file.db.get('SELECT CAST(a AS TEXT) AS a FROM t')?.['a'], '1152921504606846977')
  assert.throws(() => file.db.get('SELECT a FROM t'), SqliteError)
  assert.throws(() => file.db.all('SELECT a FROM t'), SqliteError)
})

test('a transaction that throws leaves nothing behind, and the next one works', () => {
  using file = fresh()
  file.db.exec('CREATE TABLE t (a)')
  const failing = (): void =>
    file.db.transaction(() => {
      file.db.run('INSERT INTO t VALUES (1)')
      throw new RangeError('no')
    })
  assert.throws(failing, RangeError)
  file.db.transaction(() => file.db.run('INSERT INTO t VALUES (2)'))
  assert.deepEqual(
    file.db.all('SELECT a FROM t').map(row => row['a']),
    [2],
  )
})

test('a transaction inside another is part of it', () => {
  using file = fresh()
  file.db.exec('CREATE TABLE t (a)')
  const failing = (): void =>
    file.db.transaction(() => {
      file.db.transaction(() => file.db.run('INSERT INTO t VALUES (1)'))
      throw new RangeError('no')
    })
  assert.throws(failing, RangeError)
  assert.equal(file.db.get('SELECT count(*) AS n FROM t')?.['n'], 0)
})

const FAILURES: readonly (readonly [string, (file: { readonly db: Database; readonly path: string }) => void])[] = [
  [
    'LVG_SQLITE_CONSTRAINT',
    ({ db }) => {
      db.exec('CREATE TABLE t (a UNIQUE)')
      db.run('INSERT INTO t VALUES (1)')
      db.run('INSERT INTO t VALUES (1)')
    },
  ],
  [
    'LVG_SQLITE_READONLY',
    ({ db }) => {
      db.exec('PRAGMA query_only = ON')
      db.run('CREATE TABLE t (a)')
    },
  ],
  [
    'LVG_SQLITE_FULL',
    ({ db }) => {
      db.exec('CREATE TABLE t (a)')
      db.exec('PRAGMA max_page_count = 3')
      for (;;) db.run('INSERT INTO t VALUES (?1)', 'x'.repeat(3000))
    },
  ],
  [
    'LVG_SQLITE_BUSY',
    ({ db, path }) => {
      const other = new Database(path, { durability: 'os', busyTimeoutMs: 0 })
      db.transaction(() => other.run('CREATE TABLE t (a)'))
    },
  ],
  ['LVG_SQLITE_CANTOPEN', () => new Database('/no/such/folder/x.db', { durability: 'os' })],
  ['LVG_SQLITE_ERROR', ({ db }) => db.exec('SELEC 1')],
]

for (const [code, act] of FAILURES) {
  test(`what SQLite refuses is told by ${code}`, () => {
    using file = fresh()
    assert.throws(() => act(file), { code })
  })
}
