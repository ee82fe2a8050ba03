import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pg from 'pg'
import { App } from '../../src/app/app.js'
import { UnroutableError } from '../../src/brokers/errors.js'
import { deferred } from '../../src/lib/deferred.js'
import { ConfigError, LovageError } from '../../src/lib/errors.js'
import { queueName } from '../../src/protocol/ids.js'
import { PostgresSuite } from '../support/brokers/postgres-place.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { needsPostgres } from '../support/services/postgres.js'
import { openUserSqlite } from '../support/user-sqlite.js'

/* Publishing inside a transaction of the user's own (D09), and through an outbox (H40). */

const suite = new PostgresSuite()
after(() => suite[Symbol.asyncDispose]())

const QUEUE = queueName('celery')

async function postgresApp(settings: object = {}): Promise<{ readonly app: App; readonly url: string }> {
  const url = (await suite.database).url()
  const schema = suite.nextSchema()
  const app = new App(
    'shop',
    { brokerUrl: url, resultBackend: 'disabled', postgresSchema: schema, ...settings },
    { environment: {} },
  )
  return { app, url }
}

function sqliteApp(folder: string, settings: object = {}): App {
  const brokerUrl = `sqlite:///${join(folder, 'app.db')}`
  return new App('shop', { brokerUrl, resultBackend: 'disabled', ...settings }, { environment: {} })
}

/** Ids of what is ready, taken and acked. */
async function drain(app: App): Promise<readonly unknown[]> {
  await using connection = await (await app.broker()).connect({ name: 'looker@test' })
  const deliveries = await connection.get(QUEUE, 100)
  await Promise.all(deliveries.map(delivery => delivery.ack()))
  return deliveries.map(delivery => delivery.message.headers['id'])
}

test('D09 a task sent inside a pg transaction exists if and only if it commits', needsPostgres, async () => {
  const { app, url } = await postgresApp()
  await using _app = app
  const mail = app.task('mail', (_to: string) => undefined)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('CREATE TABLE IF NOT EXISTS orders (id text)')
    await client.query('BEGIN')
    await client.query("INSERT INTO orders VALUES ('a')")
    const sent = await mail.applyAsync(['a@example'], { transaction: client })
    assert.deepEqual(await drain(app), [])
    await client.query('COMMIT')
    assert.deepEqual(await drain(app), [sent.id])

    await client.query('BEGIN')
    await mail.applyAsync(['b@example'], { transaction: client })
    await client.query('ROLLBACK')
    assert.deepEqual(await drain(app), [])
  } finally {
    await client.end()
  }
})

test('D09 many sent inside one transaction go together, in order', needsPostgres, async () => {
  const { app, url } = await postgresApp()
  await using _app = app
  const add = app.task('add', (a: number, b: number) => a + b)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
    const results = await app.publishMany(
      Array.from({ length: 50 }, (_, i) => add.si(i, 1)),
      { transaction: client },
    )
    await client.query('COMMIT')
    assert.deepEqual(
      await drain(app),
      results.map(result => result.id),
    )
  } finally {
    await client.end()
  }
})

test('D09 a handle that cannot carry the message is refused, and the transaction goes on', needsPostgres, async () => {
  const { app, url } = await postgresApp()
  await using _app = app
  const other = await postgresApp({ postgresSchema: 'elsewhere' })
  await using _other = other.app
  const mail = app.task('mail', () => undefined)
  const client = new pg.Client({ connectionString: url })
  const pool = new pg.Pool({ connectionString: url })
  await client.connect()
  try {
    await assert.rejects(mail.applyAsync([], { transaction: pool as never }), error => refuses(error, 'LVG_BAD_OPTION'))
    await assert.rejects(mail.applyAsync([], { transaction: client }), error => refuses(error, 'LVG_BAD_OPTION'))
    await client.query('BEGIN')
    using folder = temporaryFolder()
    await using embedded = sqliteApp(folder.path)
    await assert.rejects(embedded.sendTask('x', [], { transaction: client }), error =>
      refuses(error, 'LVG_FOREIGN_TRANSACTION'),
    )
    const memory = new App('m', { brokerUrl: 'memory://', resultBackend: 'disabled' }, { environment: {} })
    await using _memory = memory
    await assert.rejects(memory.sendTask('x', [], { transaction: client }), error =>
      refuses(error, 'LVG_NO_TRANSACTIONS'),
    )
    await assert.rejects(
      mail.applyAsync([], { transaction: client, exchange: 'nowhere', routingKey: 'x' }),
      UnroutableError,
    )
    const sent = await mail.applyAsync([], { transaction: client })
    await client.query('COMMIT')
    assert.deepEqual(await drain(app), [sent.id])
  } finally {
    await client.end()
    await pool.end()
  }
})

test('D09 a task sent inside a SQLite transaction exists if and only if it commits', async () => {
  using folder = temporaryFolder()
  await using app = sqliteApp(folder.path)
  const mail = app.task('mail', (_to: string) => undefined)
  const db = openUserSqlite(join(folder.path, 'app.db'))
  db.exec('CREATE TABLE orders (id TEXT)')
  db.exec('BEGIN')
  db.exec("INSERT INTO orders VALUES ('a')")
  const sent = await mail.applyAsync(['a@example'], { transaction: db })
  db.exec('COMMIT')
  assert.deepEqual(await drain(app), [sent.id])
  db.exec('BEGIN IMMEDIATE')
  await mail.applyAsync(['b@example'], { transaction: db })
  db.exec('ROLLBACK')
  assert.deepEqual(await drain(app), [])
  db.close()
})

test('D09 a consumer that waits gets what was sent inside a SQLite transaction', async () => {
  using folder = temporaryFolder()
  await using app = sqliteApp(folder.path)
  const mail = app.task('mail', () => undefined)
  await using connection = await (await app.broker()).connect({ name: 'reader@test' })
  const consumer = await connection.consume([{ name: QUEUE }], 1)
  const db = openUserSqlite(join(folder.path, 'app.db'))
  // A deferred one may find that somebody has written since its first look: SQLite's own rule for its users.
  db.exec('BEGIN IMMEDIATE')
  const sent = await mail.applyAsync([], { transaction: db })
  db.exec('COMMIT')
  db.close()
  for await (const [delivery] of consumer) {
    assert.equal(delivery?.message.headers['id'], sent.id)
    break
  }
})

test('`task-sent` is told if and only if the transaction commits', needsPostgres, async () => {
  const { app, url } = await postgresApp({ taskSendSentEvent: true })
  await using _app = app
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await tellsOfCommitted(app, client, word => client.query(word))
  } finally {
    await client.end()
  }
})

test('`task-sent` is told if and only if the SQLite transaction commits', async () => {
  using folder = temporaryFolder()
  await using app = sqliteApp(folder.path, { taskSendSentEvent: true })
  const db = openUserSqlite(join(folder.path, 'app.db'))
  // A deferred transaction fails when the broker's thread has written since its first look.
  await tellsOfCommitted(app, db, word => db.exec(word === 'BEGIN' ? 'BEGIN IMMEDIATE' : word))
  db.close()
})

test('`task-sent` is told when the outbox has sent what it held', async () => {
  using folder = temporaryFolder()
  await using app = sqliteApp(folder.path, {
    taskSendSentEvent: true,
    outboxUrl: `sqlite:///${join(folder.path, 'shop.db')}`,
  })
  const db = openUserSqlite(join(folder.path, 'shop.db'))
  const heard = await listening(app)
  db.exec('BEGIN')
  const sent = await app.sendTask('mail', [], { dispatchOnCommit: db })
  db.exec('COMMIT')
  assert.deepEqual(await heard.next(1), [sent.id])
  db.close()
})

test('D09 the handle of another SQLite file is refused', async () => {
  using folder = temporaryFolder()
  await using app = sqliteApp(folder.path)
  const db = openUserSqlite(join(folder.path, 'other.db'))
  db.exec('BEGIN')
  await assert.rejects(app.sendTask('x', [], { transaction: db }), error => refuses(error, 'LVG_FOREIGN_TRANSACTION'))
  db.exec('COMMIT')
  db.close()
})

test(
  'H40 dispatchOnCommit sends after the commit, over another broker, and nothing after a rollback',
  needsPostgres,
  async () => {
    using folder = temporaryFolder()
    const { app: elsewhere, url } = await postgresApp()
    await using _elsewhere = elsewhere
    await using app = sqliteApp(folder.path, { outboxUrl: url, postgresSchema: elsewhere.settings.postgresSchema })
    const mail = app.task('mail', () => undefined)
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query('BEGIN')
      await mail.applyAsync([], { dispatchOnCommit: client })
      await client.query('ROLLBACK')
      await client.query('BEGIN')
      const sent = await mail.applyAsync([], { dispatchOnCommit: client })
      assert.deepEqual(await drain(app), [])
      await client.query('COMMIT')
      const ids = await eventually('the message', async () => {
        const found = await drain(app)
        return found.length > 0 ? found : undefined
      })
      assert.deepEqual(ids, [sent.id])
      await eventually('an empty outbox', async () => {
        const { rows } = await client.query(`SELECT 1 FROM ${elsewhere.settings.postgresSchema}.outbox`)
        return rows.length === 0 ? true : undefined
      })
    } finally {
      await client.end()
    }
  },
)

test('H40 a process that dies after its commit leaves the outbox to whoever relays next, under the same ids', async () => {
  using folder = temporaryFolder()
  const child = spawn(
    process.execPath,
    [new URL('./children/outbox-writer.js', import.meta.url).pathname, folder.path],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let output = ''
  child.stdout.on('data', text => {
    output += text
  })
  await once(child, 'exit')
  assert.equal(child.signalCode, 'SIGKILL')
  const ids = output.trim().split('\n')
  assert.equal(ids.length, 3)
  await using app = sqliteApp(folder.path, { outboxUrl: `sqlite:///${join(folder.path, 'shop.db')}` })
  assert.deepEqual(await drain(app), [])
  using _relay = app.relayOutbox()
  const found: unknown[] = []
  await eventually('three messages', async () => {
    found.push(...(await drain(app)))
    return found.length >= 3 ? true : undefined
  })
  assert.deepEqual(found, ids)
})

test('without an outbox dispatchOnCommit says what to set', async () => {
  using folder = temporaryFolder()
  await using app = sqliteApp(folder.path)
  const db = openUserSqlite(join(folder.path, 'app.db'))
  db.exec('BEGIN')
  await assert.rejects(app.sendTask('x', [], { dispatchOnCommit: db }), error => refuses(error, 'LVG_NO_OUTBOX'))
  db.exec('COMMIT')
  db.close()
})

async function tellsOfCommitted(
  app: App,
  transaction: pg.Client | ReturnType<typeof openUserSqlite>,
  say: (word: string) => unknown,
): Promise<void> {
  // Nobody hears this one, which keeps nobody from sending it.
  await say('BEGIN')
  await app.sendTask('mail', [], { transaction })
  await say('COMMIT')
  const heard = await listening(app)
  await say('BEGIN')
  await app.sendTask('mail', [], { transaction })
  await say('ROLLBACK')
  await say('BEGIN')
  const results = [await app.sendTask('mail', [], { transaction }), await app.sendTask('mail', [], { transaction })]
  await say('COMMIT')
  assert.deepEqual(
    await heard.next(2),
    results.map(({ id }) => id),
  )
}

/** Whoever hears which tasks were sent, once it does. */
async function listening(app: App): Promise<{ next(count: number): Promise<readonly unknown[]> }> {
  const ready = deferred<void>()
  const receiver = app.events.receive({ routingKey: 'task.sent', wakeUp: false, onListening: () => ready.resolve() })
  const heard: unknown[] = []
  const more: (() => void)[] = []
  void (async () => {
    for await (const events of receiver) {
      heard.push(...events.map(event => event.fields['uuid']))
      for (const tell of more.splice(0)) tell()
    }
  })()
  await ready.promise
  return {
    async next(count) {
      while (heard.length < count) await new Promise<void>(resolve => void more.push(resolve))
      await receiver[Symbol.asyncDispose]()
      return heard
    },
  }
}

function refuses(error: unknown, code: string): true {
  assert.ok(error instanceof ConfigError || error instanceof LovageError, String(error))
  assert.equal(error.code, code)
  return true
}
