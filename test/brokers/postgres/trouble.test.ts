import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Connection } from '../../../src/brokers/broker.js'
import { BrokerError, PublishUnknownError } from '../../../src/brokers/errors.js'
import { ConfigError } from '../../../src/lib/errors.js'
import { postgresBroker } from '../../support/brokers/postgres-place.js'
import { eventually, publish, QUEUE, textOf } from '../../support/brokers/sqlite-rig.js'
import { queryOn } from '../../support/services/postgres.js'
import { freePort, needsCluster, PostgresCluster } from '../../support/services/postgres-cluster.js'

/* What goes wrong with the server, or the way to it. */

let cluster: PostgresCluster

before(async () => {
  if (needsCluster.skip === undefined) cluster = await PostgresCluster.start({ password: 'secret', tls: true })
})

after(() => cluster?.[Symbol.asyncDispose]())

async function connect(url: string, schema = 'lovage', answerMs?: number): Promise<Connection> {
  const broker = postgresBroker(url, schema, answerMs === undefined ? {} : { answerMs })
  const connection = await broker.connect({ name: 'trouble@test' })
  await connection.declare({ queues: [{ name: QUEUE }] })
  return connection
}

/** Connecting fails like this within five seconds, and the message names the URL without its password. */
async function fails(url: string, code: string, transient: boolean): Promise<void> {
  const begun = performance.now()
  await assert.rejects(connect(url), (error: unknown) => {
    assert.ok(error instanceof BrokerError, String(error))
    assert.deepEqual([error.code, error.transient], [code, transient], error.message)
    assert.match(error.message, /while connecting/)
    assert.match(error.message, /URL: postgres:\/\//)
    assert.doesNotMatch(error.message, /secret|wrong-password/)
    return true
  })
  const took = performance.now() - begun
  // The bound is five seconds; the rest is for a machine that is busy with other things.
  assert.ok(took < 15_000, `took ${took} ms`)
}

test('a wrong password is told, and waiting does not help', needsCluster, async () => {
  await fails(cluster.url().replace('secret', 'wrong-password'), 'LVG_POSTGRES_LOGIN', false)
})

test('an unknown database is told', needsCluster, async () => {
  await fails(cluster.url().replace('/postgres', '/nowhere'), 'LVG_POSTGRES_DATABASE', false)
})

test('a port where nobody listens is told, and waiting may help', needsCluster, async () => {
  await fails(`postgres://lovage:secret@127.0.0.1:${await freePort()}/postgres`, 'LVG_POSTGRES_UNREACHABLE', true)
})

test('a role without rights is told which it lacks', needsCluster, async () => {
  await queryOn(cluster.url(), "CREATE ROLE poor LOGIN PASSWORD 'secret'")
  await fails(cluster.url().replace('lovage:', 'poor:'), 'LVG_POSTGRES_PRIVILEGE', false)
})

test('S41 S43 TLS: a known authority and name will do, nothing else does', needsCluster, async () => {
  const named = (query: string): string => cluster.url('postgres', query).replace('127.0.0.1', 'localhost')
  const connection = await connect(named(`?sslmode=verify-full&sslrootcert=${cluster.ca}`))
  await connection[Symbol.asyncDispose]()
  await fails(named('?sslmode=verify-full'), 'LVG_POSTGRES_TLS', false)
  await fails(cluster.url('postgres', `?sslmode=verify-full&sslrootcert=${cluster.ca}`), 'LVG_POSTGRES_TLS', false)
  await assert.rejects(connect(named('?sslmode=verify-full&sslrootcert=/no/such/file')), ConfigError)
  await assert.rejects(connect(named('?sslmode=verify')), /sslmode 'verify'/)
  await assert.rejects(connect(named('?ssl_mode=require')), /did you mean sslmode/)
})

test('S41 a server without TLS is not spoken to in plain text where TLS is asked for', needsCluster, async () => {
  await using plain = await PostgresCluster.start()
  await fails(plain.url('postgres', '?sslmode=require'), 'LVG_POSTGRES_TLS', false)
  const preferring = await connect(plain.url('postgres', '?sslmode=prefer'))
  await preferring[Symbol.asyncDispose]()
})

test(
  'M40 tables of a newer Lovage are refused, naming the version; older ones are brought up to date',
  needsCluster,
  async () => {
    const connection = await connect(cluster.url(), 'newer')
    await connection[Symbol.asyncDispose]()
    await queryOn(cluster.url(), 'UPDATE newer.schema_version SET version = 99')
    await assert.rejects(connect(cluster.url(), 'newer'), (error: unknown) => {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.code, 'LVG_POSTGRES_SCHEMA_TOO_NEW')
      assert.match(error.message, /version 99/)
      return true
    })
  },
)

test('a schema whose name is no plain word is refused before anything is sent (S36)', needsCluster, () => {
  assert.throws(() => postgresBroker(cluster.url(), 'x"; DROP TABLE y; --'), /LVG_BAD_SETTING|must be a-z/)
})

test('M40 a row that somebody spoiled is handed out with its body, and takes nobody down', needsCluster, async () => {
  const connection = await connect(cluster.url(), 'spoiled')
  await publish(connection, 'x')
  await publish(connection, 'y')
  await queryOn(cluster.url(), "UPDATE spoiled.message SET headers = '{', properties = 'null' WHERE body = 'x'")
  const [x, y] = await connection.get(QUEUE, 10)
  assert.deepEqual([x?.message.headers, x === undefined ? '' : textOf(x)], [{}, 'x'])
  assert.equal(y === undefined ? '' : textOf(y), 'y')
  await connection[Symbol.asyncDispose]()
})

test(
  'F35 a terminated backend ends the session, what it held comes back, and a new one goes on',
  needsCluster,
  async () => {
    const connection = await connect(cluster.url(), 'terminated')
    await publish(connection, 'x')
    const [held] = await connection.get(QUEUE, 1)
    await queryOn(
      cluster.url(),
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trouble@test'",
    )
    const end = await connection.closed
    assert.ok(end.kind === 'lost' && end.error.transient, JSON.stringify(end))
    assert.equal(await held?.ack(), 'stale')
    const again = await connect(cluster.url(), 'terminated')
    const delivery = await eventually('the message', async () => (await again.get(QUEUE, 1))[0])
    // Its keeper handed it back: nobody died.
    assert.deepEqual([textOf(delivery), delivery.faults], ['x', 0])
    await again[Symbol.asyncDispose]()
  },
)

test('F35 F20 after a crash of the server everything accepted is there', needsCluster, async () => {
  const connection = await connect(cluster.url(), 'crashed')
  const accepted: string[] = []
  const publishing = Array.from({ length: 200 }, (_, i) =>
    publish(connection, String(i)).then(
      () => accepted.push(String(i)),
      (error: unknown) => assert.ok(error instanceof BrokerError, String(error)),
    ),
  )
  await Promise.race(publishing)
  await cluster.restart('immediate')
  await Promise.all(publishing)
  assert.equal((await connection.closed).kind, 'lost')
  const again = await connect(cluster.url(), 'crashed')
  const found = new Set((await again.get(QUEUE, 1000)).map(textOf))
  assert.ok(accepted.length > 0)
  assert.deepEqual(
    accepted.filter(text => !found.has(text)),
    [],
  )
  await again[Symbol.asyncDispose]()
})

test(
  'F24 D86 a server that answers nothing ends the session, and nobody knows what became of the publish',
  needsCluster,
  async () => {
    const connection = await connect(cluster.url(), 'silent', 1000)
    cluster.freeze(true)
    try {
      await assert.rejects(publish(connection, 'x'), PublishUnknownError)
      const end = await connection.closed
      assert.ok(end.kind === 'lost' && /not answered/.test(end.error.message))
      await fails(cluster.url('postgres', '?connect_timeout=1'), 'LVG_POSTGRES_UNREACHABLE', true)
    } finally {
      cluster.freeze(false)
    }
    const again = await connect(cluster.url(), 'silent')
    await again[Symbol.asyncDispose]()
  },
)

test(
  'F35 a database that takes no writes ends the session as transient, and a publish is certainly not sent',
  needsCluster,
  async () => {
    const connection = await connect(cluster.url(), 'readonly')
    await queryOn(cluster.url(), 'ALTER SYSTEM SET default_transaction_read_only = on')
    await queryOn(cluster.url(), 'SELECT pg_reload_conf()')
    try {
      await assert.rejects(
        eventually('the setting', async () => {
          await publish(connection, 'x')
          return undefined
        }),
        (error: unknown) => error instanceof BrokerError && error.code === 'LVG_POSTGRES_READONLY' && error.transient,
      )
      const end = await connection.closed
      assert.ok(end.kind === 'lost' && end.error.transient)
    } finally {
      await queryOn(
        `${cluster.url()}?options=${encodeURIComponent('-c default_transaction_read_only=off')}`,
        'ALTER SYSTEM RESET default_transaction_read_only',
      )
      await queryOn(cluster.url(), 'SELECT pg_reload_conf()')
    }
  },
)

test('F35 what loses a deadlock or waits too long for a lock is tried again', needsCluster, async () => {
  await queryOn(cluster.url(), "CREATE ROLE hasty LOGIN SUPERUSER PASSWORD 'secret'")
  await queryOn(cluster.url(), "ALTER ROLE hasty SET lock_timeout = '50ms'")
  const connection = await connect(cluster.url().replace('lovage:', 'hasty:'), 'locked')
  const locker = queryOn(
    cluster.url(),
    'DO $$ BEGIN LOCK TABLE locked.message IN ACCESS EXCLUSIVE MODE; PERFORM pg_sleep(0.12); END $$',
  )
  await eventually('the lock', async () => {
    const rows = await queryOn(
      cluster.url(),
      "SELECT 1 FROM pg_locks WHERE relation = 'locked.message'::regclass AND mode = 'AccessExclusiveLock'",
    )
    return rows.length > 0 ? true : undefined
  }).catch(() => undefined)
  await publish(connection, 'x')
  await locker
  assert.deepEqual((await connection.get(QUEUE, 10)).map(textOf), ['x'])
  await connection[Symbol.asyncDispose]()
})
