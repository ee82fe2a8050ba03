import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import type { Connection } from '../../../src/brokers/broker.js'
import type { PostgresBrokerOptions } from '../../../src/brokers/postgres/postgres-broker.js'
import { loadStatements } from '../../../src/brokers/postgres/statements.js'
import type { VirtualBroker } from '../../../src/brokers/virtual/virtual-broker.js'
import { PostgresConnection } from '../../../src/drivers/postgres/connection.js'
import { parsePostgresUrl } from '../../../src/drivers/postgres/postgres-url.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { PostgresSuite, postgresBroker } from '../../support/brokers/postgres-place.js'
import { eventually, publish, QUEUE, TO, textOf } from '../../support/brokers/sqlite-rig.js'
import { needsPostgres, queryOn } from '../../support/services/postgres.js'

/* The rules of reliability that only PostgreSQL has. */

const suite = new PostgresSuite()
after(() => suite[Symbol.asyncDispose]())

interface Rig extends AsyncDisposable {
  readonly url: string
  readonly schema: string
  readonly broker: VirtualBroker
  readonly connection: Connection
  readonly client: pg.Client
}

async function rig(options: Partial<PostgresBrokerOptions> = {}): Promise<Rig> {
  const url = (await suite.database).url()
  const schema = suite.nextSchema()
  const broker = postgresBroker(url, schema, options)
  const connection = await broker.connect({ name: 'rig@test' })
  await connection.declare({ queues: [{ name: QUEUE }] })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return {
    url,
    schema,
    broker,
    connection,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.end()
      await broker[Symbol.asyncDispose]()
    },
  }
}

test(
  'D3f a claim passes over rows that somebody has locked, and leaves no transaction open',
  needsPostgres,
  async () => {
    await using place = await rig()
    const { client, schema, connection } = place
    for (const text of ['0', '1', '2']) await publish(connection, text)
    await client.query('BEGIN')
    await client.query(`SELECT id FROM ${schema}.message ORDER BY id LIMIT 1 FOR UPDATE`)
    assert.deepEqual((await connection.get(QUEUE, 10)).map(textOf), ['1', '2'])
    const open = await queryOn(
      place.url,
      "SELECT application_name FROM pg_stat_activity WHERE application_name = 'rig@test' AND state LIKE 'idle in transaction%'",
    )
    assert.deepEqual(open, [])
    await client.query('COMMIT')
  },
)

test(
  'a claim reads the beginning of a full queue, also when the planner takes it for a short one',
  needsPostgres,
  async () => {
    await using place = await rig()
    const { client, schema, connection } = place
    await client.query(`ALTER TABLE ${schema}.message SET (autovacuum_enabled = false)`)
    await publish(connection, 'x')
    const fill = (queue: string, count: number): Promise<unknown> =>
      client.query(`INSERT INTO ${schema}.message
        (queue_id, enqueued_at, priority, state, exchange, routing_key, properties, headers, body)
        SELECT ${queue}, enqueued_at, priority, state, exchange, routing_key, properties, headers, body
        FROM (SELECT * FROM ${schema}.message LIMIT 1) AS one, generate_series(1, ${count}) AS n`)
    // Many short queues, as the planner sees them last; then one grows long.
    await fill('queue_id + n % 1000', 5000)
    await client.query(`ANALYZE ${schema}.message`)
    await fill('queue_id', 30_000)
    assert.equal((await connection.get(QUEUE, 100)).length, 100)
    const read = `SELECT idx_scan::int AS scans, idx_tup_read::int AS entries FROM pg_stat_user_indexes
      WHERE schemaname = $1 AND indexrelname = 'message_ready'`
    const entries = await eventually('the figures of the claim', async () => {
      const { rows } = await client.query(read, [schema])
      return rows[0].scans > 0 ? Number(rows[0].entries) : undefined
    })
    assert.ok(entries < 1000, `${entries} entries read for 100 messages`)
  },
)

test('D3g a queue is told of at most once in 50 ms, however much is published', needsPostgres, async () => {
  await using place = await rig()
  const { client, schema, connection } = place
  let notices = 0
  client.on('notification', () => {
    notices++
  })
  await client.query(`LISTEN ${schema}`)
  const begun = performance.now()
  for (let i = 0; i < 200; i++) await publish(connection, String(i))
  const took = performance.now() - begun
  await client.query('SELECT 1')
  assert.ok(notices >= 1 && notices <= took / 50 + 2, `${notices} in ${took} ms`)
})

test('D3g H71 without any notification a consumer that waits gets its message', needsPostgres, async () => {
  await using place = await rig()
  const { client, broker, connection } = place
  const consumer = await connection.consume([{ name: QUEUE }], 1)
  const read = consumer[Symbol.asyncIterator]().next()
  // What is written through a user's transaction is never notified.
  await client.query('BEGIN')
  const entry = { message: { headers: {}, properties: {}, body: Buffer.from('quiet') }, to: TO, publishId: 'quiet' }
  await broker.publishWithin?.(client, [{ ...entry, notBefore: undefined, queue: undefined }])
  await client.query('COMMIT')
  const { value } = await read
  assert.deepEqual(value.map(textOf), ['quiet'])
})

test(
  'D3h D95 a machine whose clock is wrong by an hour neither loses leases nor dates messages',
  needsPostgres,
  async () => {
    const runtime = nodeRuntime()
    const clock = { ...runtime.clock, now: () => Date.now() + 3_600_000 }
    await using place = await rig({ runtime: { ...runtime, clock }, leaseMs: 2000, renewMs: 300, sweepMs: 100 })
    await using right = await postgresBroker(place.url, place.schema, { sweepMs: 100 }).connect({ name: 'right@test' })
    await publish(place.connection, 'x')
    const [held] = await place.connection.get(QUEUE, 1)
    const [{ now } = { now: 0 }] = await queryOn(
      place.url,
      'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
    )
    assert.ok(Math.abs((held?.enqueuedAt ?? 0) - Number(now)) < 60_000)
    assert.deepEqual(await right.get(QUEUE, 1), [])
    assert.equal(await held?.ack(), 'settled')
  },
)

test(
  'D3i an acked message leaves no row, and a transaction that keeps dead rows from going is found',
  needsPostgres,
  async () => {
    await using place = await rig()
    const { client, schema, connection } = place
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await client.query('SELECT 1')
    await Promise.all(Array.from({ length: 50 }, (_, i) => publish(connection, String(i))))
    const deliveries = await connection.get(QUEUE, 100)
    await Promise.all(deliveries.map(delivery => delivery.ack()))
    assert.deepEqual(await queryOn(place.url, `SELECT id FROM ${schema}.message`), [])
    await using looker = await PostgresConnection.open({
      target: parsePostgresUrl(place.url),
      name: 'looker',
      clock: nodeRuntime().clock,
    })
    const sql = loadStatements(schema)['oldest-transaction']
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    // The server counts dead rows at its leisure.
    const found = await eventually('dead rows', async () => (await looker.query(sql, [1, 0]))[0], 60_000)
    assert.equal(found[0], rows[0].pid)
    await client.query('COMMIT')
  },
)
