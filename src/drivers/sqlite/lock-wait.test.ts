import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SqliteError } from '../errors.js'
import { Database } from './database.js'
import { LockWait } from './lock-wait.js'

test('who has waited long looks as often as who has just come, and no longer than it may', () => {
  const pauses: number[] = []
  const wait = new LockWait(200, time => void pauses.push(time))
  const busy = (): never => {
    throw new SqliteError('BUSY', 'database is locked')
  }
  assert.throws(() => wait.patiently(busy), { code: 'LVG_SQLITE_BUSY' })
  assert.ok(Math.max(...pauses) <= 2)
  const sum = pauses.reduce((all, one) => all + one, 0)
  assert.ok(sum >= 200 && sum < 203, `${sum} ms`)
})

test('any other error is thrown at once', () => {
  const pauses: number[] = []
  const wait = new LockWait(200, time => void pauses.push(time))
  const full = (): never => {
    throw new SqliteError('FULL', 'disk is full')
  }
  assert.throws(() => wait.patiently(full), { code: 'LVG_SQLITE_FULL' })
  assert.deepEqual(pauses, [])
})

test('a connection waits for the lock of another one by these pauses, not by those of SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-lock-'))
  const path = join(folder, 'x.db')
  const holder = new Database(path, { durability: 'os' })
  let looks = 0
  const pause = (): void => {
    looks++
    if (looks === 30) holder.run('COMMIT')
  }
  const waiter = new Database(path, { durability: 'os', pause })
  try {
    holder.run('CREATE TABLE t (a)')
    holder.run('BEGIN IMMEDIATE')
    waiter.transaction(() => waiter.run('INSERT INTO t VALUES (1)'))
    assert.equal(looks, 30)
    assert.equal(holder.get('SELECT count(*) AS n FROM t')?.['n'], 1)
  } finally {
    waiter.close()
    holder.close()
    rmSync(folder, { recursive: true })
  }
})
