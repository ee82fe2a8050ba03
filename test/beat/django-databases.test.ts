import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { runId } from '../../src/beat/decide.js'
import type { DjangoDatabase } from '../../src/beat/django/django-database.js'
import { openDjango } from '../../src/beat/django/open-django.js'
import { openSchedule, startBeat } from '../../src/beat/start-beat.js'
import { Database } from '../../src/drivers/sqlite/database.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { djangoEntries } from '../../src/schedules/django-entries.js'
import type { DjangoTables } from '../../src/schedules/django-rows.js'
import { djangoTables } from '../support/beat/django-tables.js'
import { repositoryRoot } from '../support/repository.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'

/* Real tables of django-celery-beat, with rows that it has written (test/schedules/django/make_rows.py). */

const DEADLINE_MS = 60_000

const FILE = join(repositoryRoot(), 'test', 'schedules', 'django', 'rows.json')
const written = (JSON.parse(readFileSync(FILE, 'utf8')) as { readonly tables: DjangoTables }).tables

const TABLES = {
  intervals: 'intervalschedule',
  crontabs: 'crontabschedule',
  solars: 'solarschedule',
  clocked: 'clockedschedule',
  tasks: 'periodictask',
} as const satisfies Record<keyof DjangoTables, string>

/** A project's database. */
interface Project extends AsyncDisposable {
  readonly url: string
  /** Literals are written so that both databases understand them. */
  run(sql: string): Promise<void>
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

const KINDS: readonly { readonly name: string; readonly skip?: string | undefined; make(): Promise<Project> }[] = [
  {
    name: 'SQLite',
    make: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lovage-django-'))
      const path = join(folder, 'db.sqlite3')
      const db = new Database(path, { durability: 'os', guest: true })
      for (const sql of djangoTables('sqlite')) db.exec(sql)
      return {
        url: `sqlite:///${path}`,
        run: async sql => db.exec(sql.replaceAll('TRUE', '1').replaceAll('FALSE', '0')),
        rows: async sql => db.all(sql),
        [Symbol.asyncDispose]: async () => {
          db.close()
          rmSync(folder, { recursive: true })
        },
      }
    },
  },
  {
    name: 'PostgreSQL',
    skip: needsPostgres.skip,
    make: async () => {
      const database = await ScratchDatabase.create()
      for (const sql of djangoTables('postgres')) await database.query(sql)
      return {
        url: database.url('postgresql'),
        run: async sql => void (await database.query(sql.replaceAll(/'(\d{4}-\d\d-\d\d [\d:.]+)'/g, "'$1+00'"))),
        rows: sql => database.query(sql),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  },
]

function app(url: string, settings: ConstructorParameters<typeof App>[1] = {}, log = memoryLog().log): App {
  const all = { brokerUrl: 'memory://', resultBackend: 'disabled', beatStoreUrl: 'memory://', beatDjangoUrl: url }
  return new App('django', { ...all, ...settings }, { runtime: { ...nodeRuntime(), log } })
}

async function database(project: Project): Promise<DjangoDatabase> {
  const opened = await openDjango(app(project.url))
  assert.ok(opened !== undefined)
  return opened
}

/** The rows that django-celery-beat has written, with ids of their own. */
async function fill(project: Project): Promise<void> {
  for (const [kind, table] of Object.entries(TABLES)) {
    for (const row of written[kind as keyof DjangoTables]) {
      const columns = Object.keys(row)
      const values = Object.entries(row).map(([column, value]) => literal(column, value))
      await project.run(`INSERT INTO django_celery_beat_${table} (${columns.join(', ')}) VALUES (${values.join(', ')})`)
    }
  }
}

function literal(column: string, value: unknown): string {
  if (value === null) return 'NULL'
  if (column === 'enabled' || column === 'one_off') return value === 1 ? 'TRUE' : 'FALSE'
  return typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`
}

/** As Django's signals do. */
async function changed(project: Project, at: string): Promise<void> {
  await project.run('DELETE FROM django_celery_beat_periodictasks')
  await project.run(`INSERT INTO django_celery_beat_periodictasks (ident, last_update) VALUES (1, '${at}')`)
}

async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`never: ${what}`)
    await sleep(50)
  }
}

/** An entry of every second, as the admin saves it. */
async function insert(project: Project, name: string, args: string): Promise<void> {
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '')
  await project.run(
    `INSERT INTO django_celery_beat_periodictask (name, task, args, queue, kwargs, headers, enabled, one_off, total_run_count,
     date_changed, description, interval_id, priority) VALUES ('${name}', 'shop.${name}', '${args}', 'mail', '{"k": 1.0}',
     '{"tenant": "a"}', TRUE, FALSE, 0, '${now}', '', 1, 3)`,
  )
}

async function countOf(project: Project, name: string): Promise<unknown> {
  const sql = `SELECT total_run_count FROM django_celery_beat_periodictask WHERE name = '${name}'`
  return (await project.rows(sql))[0]?.['total_run_count']
}

async function messagesIn(client: App, queueName: string) {
  const broker = await client.broker()
  await using connection = await broker.connect({ name: 'the test' })
  const queue = client.queues.resolve(queueName)
  await connection.declare({ queues: [queue] })
  return await connection.get(queue.name, 1000)
}

for (const { name, skip, make } of KINDS) {
  describe(`the tables of django-celery-beat in ${name}`, skip === undefined ? {} : { skip }, () => {
    test('rows say what they said when Django wrote them', async () => {
      await using project = await make()
      await fill(project)
      await using django = await database(project)
      const found = djangoEntries(await django.tables(), JSON.parse)
      assert.equal(found.length, written.tasks.length)
      assert.deepEqual(found, djangoEntries(written, JSON.parse))
    })

    test('another last_update is another text', async () => {
      await using project = await make()
      await using django = await database(project)
      assert.equal(await django.lastUpdate(), undefined)
      const seen = new Set<string | undefined>()
      for (const at of ['2026-01-01 10:00:00.000001', '2026-01-01 10:00:00.000002']) {
        await changed(project, at)
        const first = await django.lastUpdate()
        assert.equal(await django.lastUpdate(), first)
        seen.add(first)
      }
      assert.equal(seen.size, 2)
    })

    test('what ran is recorded once; what was to run once is switched off; all else stays', async () => {
      await using project = await make()
      await fill(project)
      await changed(project, '2026-01-01 10:00:00.000001')
      await using django = await database(project)
      const before = await django.lastUpdate()
      const at = Date.UTC(2026, 5, 1, 12, 0, 0, 250)
      const runs = [
        { name: 'days', at, count: 2, off: false },
        { name: 'once', at, count: 1, off: true },
        { name: 'not there', at, count: 1, off: false },
      ]
      await django.record(runs)
      await django.record(runs)
      const readings = djangoEntries(await django.tables(), JSON.parse)
      const entries = new Map(readings.flatMap(r => (r.kind === 'entry' ? [[r.entry.name, r.entry] as const] : [])))
      assert.deepEqual([entries.get('days')?.last, entries.get('days')?.totalRunCount], [at, 9])
      assert.deepEqual([entries.get('once')?.enabled, entries.get('once')?.totalRunCount], [false, 0])
      const others = djangoEntries(written, JSON.parse).filter(
        r => r.kind === 'entry' && !['days', 'once'].includes(r.entry.name),
      )
      assert.deepEqual(
        readings.filter(r => r.kind === 'entry' && !['days', 'once'].includes(r.entry.name)),
        others,
      )
      assert.equal(await django.lastUpdate(), before)
    })

    test('a beat obeys them: it sends by row, writes back, and sees within moments what was changed', async () => {
      await using project = await make()
      const folder = mkdtempSync(join(tmpdir(), 'lovage-django-'))
      try {
        await project.run(
          "INSERT INTO django_celery_beat_intervalschedule (id, every, period) VALUES (1, 1, 'seconds')",
        )
        await insert(project, 'first', '["x"]')
        const { log, lines } = memoryLog()
        const settings = {
          beatStoreUrl: `sqlite:///${join(folder, 'beat.db')}`,
          beatSchedule: { coded: { task: 'coded', schedule: 1 } },
        }
        await using client = app(project.url, settings, log)
        await using beat = await startBeat(client)
        await using book = await openSchedule(client)
        await eventually('two runs', async () => Number((await countOf(project, 'first')) ?? 0) >= 2)
        await insert(project, 'second', '[]')
        await insert(project, 'broken', '[1, ')
        await changed(project, '2026-01-01 10:00:00.000001')
        await eventually('the second', async () => Number((await countOf(project, 'second')) ?? 0) >= 1)
        assert.match(
          lines.map(({ message }) => message).join('\n'),
          /"broken": in the tables of django-celery-beat: args/,
        )
        await project.run("UPDATE django_celery_beat_periodictask SET enabled = FALSE WHERE name = 'second'")
        await changed(project, '2026-01-01 10:00:00.000002')
        await eventually('it sends no more', async () =>
          lines.some(({ message }) => /second sends no more: it is disabled/.test(message)),
        )
        await beat[Symbol.asyncDispose]()
        const { state } = await book.show('first')
        assert.equal(await countOf(project, 'first'), state?.runs)
        const sent = await messagesIn(client, 'mail')
        const first = sent.filter(({ message }) => message.headers['task'] === 'shop.first')
        const last = state?.last ?? 0
        const wanted = Array.from({ length: state?.runs ?? 0 }, (_, n) => runId({ name: 'first' }, last - n * 1000))
        assert.deepEqual(first.map(({ message }) => message.headers['id']).toSorted(), wanted.toSorted())
        const [run] = first
        assert.deepEqual(
          [
            run?.message.headers['periodic_task_name'],
            run?.message.headers['tenant'],
            run?.message.properties.priority,
          ],
          ['first', 'a', 3],
        )
        assert.match(Buffer.from(run?.message.body ?? '').toString(), /^\[\["x"\], ?\{"k": ?1\.0\}/)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  })
}

test('the file of a project is left as Django has set it up', async () => {
  const [sqlite] = KINDS
  await using project = (await sqlite?.make()) as Project
  await using django = await database(project)
  await django.tables()
  assert.deepEqual(
    (await project.rows('PRAGMA journal_mode')).map(row => row['journal_mode']),
    ['delete'],
  )
  assert.deepEqual(
    (await project.rows('PRAGMA application_id')).map(row => row['application_id']),
    [0],
  )
})

test('a file that is not there is not made, and a database without the tables is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-django-'))
  try {
    await using missing = await openDjango(app(`sqlite:///${join(folder, 'none.sqlite3')}`))
    await assert.rejects(async () => await missing?.tables(), { code: 'LVG_SQLITE_PATH' })
    const path = join(folder, 'other.sqlite3')
    new Database(path, { durability: 'os', guest: true }).exec('CREATE TABLE x (y)')
    await using other = await openDjango(app(`sqlite:///${path}`))
    await assert.rejects(async () => await other?.tables(), /django-celery-beat in .*no such table/)
    await assert.rejects(openDjango(app('mysql://host/shop')), { code: 'LVG_UNKNOWN_SCHEME' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
