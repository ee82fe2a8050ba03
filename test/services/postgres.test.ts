import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsPostgres, queryOn, ScratchDatabase } from '../support/services/postgres.js'
import { needsCluster, PostgresCluster } from '../support/services/postgres-cluster.js'

/* What the tests of PostgreSQL stand on. */

test('a scratch database is empty, and gone afterwards', needsPostgres, async () => {
  const database = await ScratchDatabase.create()
  const other = await ScratchDatabase.create()
  await database.query('CREATE TABLE t (x int)')
  assert.deepEqual(await other.query("SELECT to_regclass('t') AS t"), [{ t: null }])
  await database[Symbol.asyncDispose]()
  await assert.rejects(database.query('SELECT 1'), /does not exist/)
  await other[Symbol.asyncDispose]()
})

test('a private cluster keeps its data over a crash, asks for its password, and speaks TLS', needsCluster, async () => {
  await using cluster = await PostgresCluster.start({ password: 'secret', tls: true })
  await queryOn(cluster.url(), 'CREATE TABLE t AS SELECT 1 AS x')
  await cluster.restart('immediate')
  assert.deepEqual(await queryOn(cluster.url(), 'SELECT x FROM t'), [{ x: 1 }])
  await assert.rejects(queryOn(cluster.url().replace('secret', 'wrong'), 'SELECT 1'), /password/)
  const secure = cluster
    .url('postgres', `?sslmode=verify-full&sslrootcert=${cluster.ca}`)
    .replace('127.0.0.1', 'localhost')
  assert.deepEqual(await queryOn(secure, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'), [{ ssl: true }])
})
