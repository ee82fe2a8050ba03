import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CloseReason, Connection } from '../../src/brokers/broker.js'
import { DamagedStoreError, PublishUnknownError, RejectedByBrokerError } from '../../src/brokers/errors.js'
import { operations } from '../../src/brokers/sqlite/operations.js'
import { recoverSqlite } from '../../src/brokers/sqlite/recover.js'
import { SqliteSession } from '../../src/brokers/sqlite/sqlite-session.js'
import type { StoreEvent } from '../../src/brokers/sqlite/store-calls.js'
import { Tickets } from '../../src/brokers/sqlite/tickets.js'
import { createVirtualBroker } from '../../src/brokers/virtual/virtual-broker.js'
import { Database } from '../../src/drivers/sqlite/database.js'
import { openLocalHost } from '../../src/drivers/sqlite/local-host.js'
import { ConfigError } from '../../src/lib/errors.js'
import { EVERYBODY_LIVES, runtimeOn, temporaryFolder } from '../support/brokers/sqlite-places.js'
import { Child, connect, eventually, publish, QUEUE, textOf } from '../support/brokers/sqlite-rig.js'
import { HandClock } from '../support/hand-clock.js'

/* What a file can do to its users: reliability D3c, D3d, D3e, F36, M40. */

/** A session in this thread whose connection the test can reach, in virtual time. */
async function reachable(path: string, clock = new HandClock()) {
  const runtime = runtimeOn(clock)
  const trust = new SharedArrayBuffer(8)
  const tickets = new Tickets()
  let inner: Database | undefined
  let session: SqliteSession | undefined
  const host = openLocalHost({
    path,
    durability: 'os' as const,
    config: { name: 'rig', leaseMs: 20_000, renewMs: 5_000, sweepMs: 1_000, trust },
    runtime,
    processes: EVERYBODY_LIVES,
    onEvent: event => session?.hear(event as StoreEvent),
    operations: (db: Database, context, config: Parameters<typeof operations>[2]) => {
      inner = db
      return operations(db, context, config)
    },
  })
  session = new SqliteSession(host, tickets, { path, leaseMs: 20_000, trust, runtime })
  const opened = session
  const broker = createVirtualBroker({
    url: 'sqlite:',
    store: { open: async () => opened, [Symbol.asyncDispose]: async () => {} },
    features: { delays: true, publishDedupe: true, leases: true, exchanges: [], durable: true },
    runtime,
  })
  const connection = await broker.connect({ name: 'rig' })
  await connection.declare({ queues: [{ name: QUEUE }] })
  return { clock, connection, db: inner as Database, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() }
}

async function fillUp(connection: Connection): Promise<void> {
  const big = 'x'.repeat(50_000)
  for (let i = 0; i < 1000; i++) await publish(connection, big)
}

test('D3c a full file rejects what is published, keeps what was accepted, and goes on when there is room again', async () => {
  using folder = temporaryFolder()
  await using rig = await reachable(join(folder.path, 'queue.db'))
  const { connection, db } = rig
  await publish(connection, 'before')
  db.exec('PRAGMA max_page_count = 200')
  await assert.rejects(fillUp(connection), (error: unknown) => {
    assert.ok(error instanceof RejectedByBrokerError)
    assert.equal(error.code, 'LVG_SQLITE_FULL')
    assert.equal(error.transient, true)
    return true
  })
  const accepted = (await connection.stats(QUEUE)).ready
  assert.ok(accepted > 1)
  db.exec('PRAGMA max_page_count = 100000')
  await publish(connection, 'after')
  const texts = (await connection.get(QUEUE, 1000)).map(textOf)
  assert.equal(texts.length, accepted + 1)
  assert.deepEqual([texts[0], texts.at(-1)], ['before', 'after'])
})

test('D3c while a file takes no writes, claims find nothing and acks wait; both go on by themselves', async () => {
  using folder = temporaryFolder()
  await using rig = await reachable(join(folder.path, 'queue.db'))
  const { connection, db, clock } = rig
  for (const text of ['0', '1']) await publish(connection, text)
  const [first] = await connection.get(QUEUE, 1)
  db.exec('PRAGMA query_only = ON')
  let settled: string | undefined
  const acking = first?.ack().then(how => {
    settled = how
  })
  await assert.rejects(publish(connection, 'x'), { code: 'LVG_SQLITE_READONLY' })
  assert.deepEqual(await connection.get(QUEUE, 1), [])
  await clock.pass(10_000)
  assert.equal(settled, undefined)
  db.exec('PRAGMA query_only = OFF')
  await clock.pass(1_000)
  await acking
  assert.equal(settled, 'settled')
  assert.deepEqual((await connection.get(QUEUE, 10)).map(textOf), ['1'])
})

test('D3c a consumer over a file that took no writes for a while receives again', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await reachable(path)
  await using other = await connect(path)
  const { connection, db, clock } = rig
  const consumer = await connection.consume([{ name: QUEUE }], 10)
  const received: string[] = []
  void (async () => {
    for await (const batch of consumer) received.push(...batch.map(textOf))
  })()
  await clock.pass(1_000)
  db.exec('PRAGMA query_only = ON')
  await publish(other.connection, 'x')
  await clock.pass(5_000)
  assert.deepEqual(received, [])
  db.exec('PRAGMA query_only = OFF')
  await clock.pass(2_000)
  assert.deepEqual(received, ['x'])
})

test('D3c a lease that nobody could renew, because the file took no writes, is no sign of death', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using holder = await reachable(path)
  await publish(holder.connection, 'x')
  const [delivery] = await holder.connection.get(QUEUE, 1)
  holder.db.exec('PRAGMA query_only = ON')
  await holder.clock.pass(60_000)
  assert.equal(holder.connection.suspect(), true)
  holder.db.exec('PRAGMA query_only = OFF')
  await holder.clock.pass(2_000)
  assert.equal(holder.connection.suspect(), false)
  assert.equal(await delivery?.ack(), 'settled')
})

test('D3c nor is it to who holds nothing and could not renew either, or who opens the file when all is well again', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  const clock = new HandClock()
  await using holder = await reachable(path, clock)
  // One of them at least looks before the holder does.
  await using one = await reachable(path, clock)
  await using another = await reachable(path, clock)
  await using third = await reachable(path, clock)
  const all = [holder, one, another, third]
  await publish(holder.connection, 'x')
  const [delivery] = await holder.connection.get(QUEUE, 1)
  for (const { db } of all) db.exec('PRAGMA query_only = ON')
  await clock.pass(60_000)
  for (const { db } of all) db.exec('PRAGMA query_only = OFF')
  await using newcomer = await reachable(path, clock)
  await clock.pass(2_000)
  assert.equal((await newcomer.connection.stats(QUEUE)).ready, 0)
  assert.equal(await delivery?.ack(), 'settled')
})

/** A file with many messages, all of them in it rather than in its WAL, whose last user was killed. */
async function uncleanFile(path: string, count: number): Promise<void> {
  {
    await using rig = await connect(path, { durability: 'os' })
    await Promise.all(Array.from({ length: count }, (_, i) => publish(rig.connection, `${i} ${'x'.repeat(500)}`)))
  }
  {
    await using holder = new Child('holder', path)
    await holder.line()
  }
  const db = new Database(path, { durability: 'os' })
  db.get('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
}

function overwrite(path: string, at: number, bytes: number): void {
  writeSync(openSync(path, 'r+'), Buffer.alloc(bytes, 0xaa), 0, bytes, at)
}

async function damageOf(path: string): Promise<DamagedStoreError> {
  const rig = await connect(path).catch((error: unknown) => error)
  assert.ok(rig instanceof DamagedStoreError, `expected damage, got ${rig}`)
  return rig
}

test('D3d a page overwritten after an unclean end is found on opening: the file is kept aside and recovery is named', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await uncleanFile(path, 1500)
  overwrite(path, 4096 * 120, 4096)
  const error = await damageOf(path)
  assert.equal(error.code, 'LVG_SQLITE_DAMAGED')
  assert.equal(error.exitCode, 74)
  assert.equal(error.transient, false)
  const aside = readdirSync(folder.path).find(name => /^queue\.db\.damaged-\d+$/.test(name))
  assert.ok(aside)
  assert.match(error.message, new RegExp(`lovage sqlite recover .*${aside}`))
  assert.equal(existsSync(path), false)
})

test('D3d recovering salvages every row outside the damaged page; nothing is held any more', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await uncleanFile(path, 1500)
  overwrite(path, 4096 * 120, 4096)
  await damageOf(path)
  const aside = join(folder.path, readdirSync(folder.path).find(name => name.includes('damaged')) ?? '')
  const before = statSync(aside).size
  const out = join(folder.path, 'recovered.db')
  const tables = recoverSqlite(aside, out)
  const messages = tables.find(table => table.name === 'lovage_message')
  assert.equal(messages?.complete, false)
  assert.ok((messages?.rows ?? 0) > 1450, `${messages?.rows} rows`)
  assert.equal(statSync(aside).size, before)
  await using rig = await connect(out)
  const stats = await rig.connection.stats(QUEUE)
  assert.deepEqual([stats.ready, stats.held], [messages?.rows, 0])
})

test('D3d recovering an undamaged file keeps everything, and an existing target is refused', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await uncleanFile(path, 50)
  const out = join(folder.path, 'recovered.db')
  const tables = recoverSqlite(path, out)
  assert.deepEqual(
    tables.filter(table => !table.complete),
    [],
  )
  assert.throws(() => recoverSqlite(path, out), { code: 'LVG_SQLITE_PATH' })
  await using rig = await connect(out)
  const deliveries = await rig.connection.get(QUEUE, 100)
  assert.equal(deliveries.length, 50)
  assert.equal(deliveries[0]?.faults, 1)
})

test('D3d a file whose beginning is unreadable cannot be recovered, and says so', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  writeFileSync(path, Buffer.alloc(8192, 0xaa))
  assert.throws(() => recoverSqlite(path, join(folder.path, 'out.db')), { code: 'LVG_SQLITE_UNRECOVERABLE' })
})

for (const [what, damage] of [
  ['truncated to nothing', (path: string) => truncateSync(path, 0)],
  ['cut in the middle', (path: string) => truncateSync(path, 4096 * 40)],
  ['without its first page', (path: string) => overwrite(path, 0, 4096)],
] as const) {
  test(`F36 a used file ${what} is never replaced silently`, async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'queue.db')
    await uncleanFile(path, 1000)
    damage(path)
    await damageOf(path)
    assert.equal(existsSync(path), false)
    assert.ok(readdirSync(folder.path).some(name => name.includes('damaged')))
  })
}

test('F36 a file that is deleted to start anew may be created again beside its old wake signal', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  {
    await using rig = await connect(path)
    await publish(rig.connection, 'x')
  }
  renameSync(path, `${path}.old`)
  assert.ok(existsSync(`${path}-wake`))
  writeFileSync(path, '')
  await using rig = await connect(path)
  await publish(rig.connection, 'y')
})

for (const [what, act] of [
  ['removed', (path: string) => renameSync(path, `${path}.away`)],
  [
    'replaced',
    (path: string) => {
      renameSync(path, `${path}.away`)
      writeFileSync(path, '')
    },
  ],
] as const) {
  test(`F36 a file that is ${what} under an idle session ends it as lost`, async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'queue.db')
    await using rig = await connect(path, { sweepMs: 50 })
    act(path)
    let reason: CloseReason | undefined
    void rig.connection.closed.then(how => {
      reason = how
    })
    await eventually('the end', async () => reason)
    assert.equal(reason?.kind, 'lost')
    assert.equal(reason?.kind === 'lost' && reason.error.code, 'LVG_SQLITE_GONE')
  })

  test(`F36 what is published into a file that was ${what} is not accepted`, async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'queue.db')
    await using rig = await connect(path, { sweepMs: 60_000 })
    act(path)
    await assert.rejects(publish(rig.connection, 'x'), PublishUnknownError)
  })
}

test('D3c a lock held by another process for longer than SQLite waits does not fail what is published', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path, { busyTimeoutMs: 50 })
  const other = new Database(path, { durability: 'os' })
  other.exec('BEGIN IMMEDIATE')
  const publishing = publish(rig.connection, 'x')
  await new Promise(resolve => setTimeout(resolve, 80))
  other.exec('COMMIT')
  await publishing
  other.close()
})

test('D3e D3c paths that cannot be used are refused with a code and a remedy', async () => {
  using folder = temporaryFolder()
  const file = (name: string) => join(folder.path, name)
  mkdirSync(file('folder'))
  writeFileSync(file('text'), 'not a database, but somebody needs it\n'.repeat(10))
  const foreign = new Database(file('foreign.db'), { durability: 'os' })
  foreign.exec('PRAGMA application_id = 7; CREATE TABLE theirs (x)')
  foreign.close()
  const cases: readonly (readonly [string, string])[] = [
    ['folder', 'LVG_SQLITE_PATH'],
    ['nowhere/queue.db', 'LVG_SQLITE_PATH'],
    ['text', 'LVG_SQLITE_FOREIGN_FILE'],
    ['foreign.db', 'LVG_SQLITE_FOREIGN_FILE'],
  ]
  for (const [name, code] of cases) {
    await assert.rejects(
      connect(file(name)),
      (error: unknown) => error instanceof ConfigError && error.code === code,
      name,
    )
  }
  assert.ok(existsSync(file('text')))
})

test('M40 a file written by a newer Lovage is refused, and the version it needs is named', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await (await connect(path))[Symbol.asyncDispose]()
  const db = new Database(path, { durability: 'os' })
  db.exec("UPDATE lovage_schema SET version = 9 WHERE component = 'broker'")
  db.close()
  await assert.rejects(connect(path), { code: 'LVG_SQLITE_SCHEMA_TOO_NEW', message: /version 9/ })
})

test('M40 a row with spoiled headers is delivered without them, its body untouched', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path)
  for (const text of ['spoiled', 'good']) await publish(rig.connection, text)
  const db = new Database(path, { durability: 'os' })
  db.exec("UPDATE lovage_message SET headers = '{oops', properties = '[' WHERE id = 1")
  db.close()
  const deliveries = await rig.connection.get(QUEUE, 10)
  assert.deepEqual(deliveries.map(textOf), ['spoiled', 'good'])
  assert.deepEqual(deliveries[0]?.message.headers, {})
})

test('D22 clocks that jump by an hour cause no redelivery, and a delay after a fault stays as long as it was', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await reachable(path)
  const { connection, clock } = rig
  for (const text of ['held', 'again']) await publish(connection, text)
  const [held, again] = await connection.get(QUEUE, 2)
  await again?.requeue({ counted: true, delay: 10_000 })
  for (const jump of [3_600_000, -7_200_000]) {
    clock.step(jump)
    await clock.pass(4_000)
    assert.equal((await connection.stats(QUEUE)).ready, 0)
  }
  await clock.pass(3_000)
  assert.deepEqual((await connection.get(QUEUE, 10)).map(textOf), ['again'])
  assert.equal(connection.suspect(), false)
  assert.equal(await held?.ack(), 'settled')
})

test('D05 a publish id is known for at least a minute, also to other processes and after the message was acked', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await reachable(path)
  const { connection, clock } = rig
  await publish(connection, 'x', 'same')
  for (const delivery of await connection.get(QUEUE, 1)) await delivery.ack()
  await clock.pass(59_000)
  await publish(connection, 'x', 'same')
  assert.equal((await connection.stats(QUEUE)).ready, 0)
  await clock.pass(61_000)
  await publish(connection, 'y', 'other')
  await clock.pass(61_000)
  await publish(connection, 'z', 'third')
  assert.equal(rig.db.get('SELECT count(*) AS n FROM lovage_publish')?.['n'], 2)
})
