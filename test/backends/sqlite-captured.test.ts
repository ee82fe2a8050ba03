import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCodec } from '../../src/protocol/create-codec.js'
import { decodeResult } from '../../src/protocol/encode-result.js'
import { groupId, taskId } from '../../src/protocol/ids.js'
import { unpickle } from '../../src/protocol/pickle.js'
import { isFinal } from '../../src/protocol/states.js'
import { sqliteBackend } from '../support/backends/backend-places.js'
import {
  type CapturedRow,
  capturedGroups,
  capturedRows,
  capturedSchema,
  RawFile,
} from '../support/backends/sqlite-rows.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { paths, vector } from '../support/vectors.js'

const VERSIONS = ['celery-5.2.6', 'celery-5.6.2']
const KEPT = { ttl: undefined, fence: undefined }

for (const version of VERSIONS) {
  test(`${version}: rows in Celery's own tables are read as what they say`, async () => {
    await using setting = await celeryFile(version)
    for (const row of setting.rows) {
      const meta = await setting.backend.fetch(taskId(row.columns.task_id))
      assert.ok(meta, row.name)
      assert.equal(meta.status, row.columns.status, row.name)
      assert.equal(meta.traceback, row.columns['traceback'] ?? undefined, row.name)
      assert.equal(meta.dateDone, isFinal(meta.status) ? isoOf(row) : undefined, row.name)
      assert.equal(meta.extended?.name, row.columns['name'] ?? undefined, row.name)
      assert.equal(meta.extended?.worker, row.columns['worker'] ?? undefined, row.name)
      assert.equal(
        meta.extended !== undefined,
        EXTENDED.some(name => row.columns[name] !== null),
        row.name,
      )
      assert.deepEqual(meta.extended?.args, argsOf(row), row.name)
    }
  })

  test(`${version}: what we write for the same record has the same columns, and Python unpickles the same`, async () => {
    await using setting = await celeryFile(version)
    const path = join(setting.folder, 'ours.db')
    await using ours = sqliteBackend(path)
    for (const row of setting.rows) {
      const meta = await setting.backend.fetch(taskId(row.columns.task_id))
      assert.ok(meta)
      await ours.store(meta, KEPT)
    }
    using file = new RawFile(path)
    for (const row of setting.rows.filter(one => one.repr?.startsWith('SystemExit') !== true)) {
      const written = file.row(row.columns.task_id)
      assert.ok(written, row.name)
      for (const [name, captured] of Object.entries(row.columns)) {
        // Celery's ORM fills it with the time of the write for some states that are not final.
        if (name === 'date_done' && !isFinal(row.columns.status)) continue
        const column: unknown = written[name]
        if (name === 'result') assert.deepEqual(valueIn(column), valueIn(captured), row.name)
        else if (name === 'args' || name === 'kwargs') assert.deepEqual(jsonIn(column), jsonIn(captured), row.name)
        else assert.equal(column, captured, `${row.name}: ${name}`)
      }
    }
  })

  test(`${version}: M46 the pickle of an object that is no data fails its own waiter alone`, async () => {
    await using setting = await celeryFile(version)
    for (const { columns } of setting.unreadable) {
      const id = taskId(columns.task_id)
      await assert.rejects(setting.backend.fetch(id), { name: 'ResultDecodeError', code: 'LVG_RESULT_DECODE' })
      const good = taskId(setting.rows[0]?.columns.task_id ?? '')
      const heard = new Map<string, string | undefined>()
      for await (const meta of setting.backend.watch([id, good], new AbortController().signal)) {
        heard.set(meta.taskId, meta.error?.type)
        if (heard.size === 2) break
      }
      assert.equal(heard.get(id), 'ResultDecodeError')
      assert.notEqual(heard.get(good), 'ResultDecodeError')
    }
  })

  test(`${version}: a group that Python saved is read with its members`, async () => {
    await using setting = await celeryFile(version)
    for (const { id, repr } of capturedGroups(version)) {
      const group = await setting.backend.fetchGroup(groupId(id))
      assert.equal(group?.id, id)
      assert.equal(`<GroupResult: ${id} [${group?.members.map(member => member.id).join(', ')}]>`, repr)
    }
  })
}

test('a value reads the same from SQLite as from Redis', async () => {
  // The Kombu of older captures had no JSON for bytes, and wrote dates as plain text.
  const version = 'celery-5.6.2'
  await using setting = await celeryFile(version)
  const codec = createCodec({ accept: ['json'], serializer: 'json' })
  let compared = 0
  for (const row of setting.rows) {
    const path = `${version}/results/redis/${row.ending}.json`
    // The value of STARTED is a pid.
    if (DIFFERENT.has(row.ending) || row.columns.status === 'STARTED' || paths(path).length === 0) continue
    const { value } = vector(path)[row.extended ? 'extended' : 'default']
    const [there, here] = [
      decodeResult(Buffer.from(value), codec),
      await setting.backend.fetch(taskId(row.columns.task_id)),
    ]
    const parts = (meta: typeof there | undefined): unknown => [meta?.status, meta?.result, meta?.error]
    assert.deepEqual(parts(here), parts(there), row.name)
    compared++
  }
  assert.ok(compared > 70, `compared ${compared}`)
})

test("an exception that Python pickled as an instance is read by its class's name and its arguments", async () => {
  await using setting = await celeryFile('celery-5.6.2')
  const row = setting.rows.find(one => one.ending === 'REVOKED_terminated')
  assert.ok(row)
  const meta = await setting.backend.fetch(taskId(row.columns.task_id))
  assert.deepEqual(meta?.error, { type: 'SystemExit', args: [-241], module: 'builtins' })
})

test("the tables we make are Celery's, to the letter", async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  await using backend = sqliteBackend(path)
  await backend.cleanup()
  using file = new RawFile(path)
  const made = file.db.all(
    "SELECT sql FROM sqlite_schema WHERE tbl_name LIKE 'celery%' AND sql IS NOT NULL AND type <> 'trigger'",
  )
  // SQLite keeps the words of the first line in its own spelling.
  const spelled = (sql: unknown): string => String(sql).replace(/^CREATE (TABLE|INDEX)\s+/, 'CREATE $1 ')
  assert.deepEqual(made.map(row => spelled(row['sql'])).sort(), capturedSchema('celery-5.6.2').map(spelled).sort())
})

const EXTENDED = ['name', 'args', 'kwargs', 'worker', 'retries', 'queue']

/** Addresses, job numbers, the id of a child; and what became of a terminated task, about which parent and child do not agree. */
const DIFFERENT: ReadonlySet<string> = new Set([
  'FAILURE_odd_args',
  'FAILURE_worker_lost',
  'REVOKED_terminated',
  'REVOKED_terminated_sigkill',
  'SUCCESS_children',
])

/** JSON cannot carry what the task returned, so it fails there; here the object itself is pickled. */
const UNREADABLE = 'FAILURE_unserializable_result'

/** A file that Celery made and filled, read by our backend. */
async function celeryFile(version: string): Promise<
  {
    readonly rows: readonly CapturedRow[]
    readonly unreadable: readonly CapturedRow[]
    readonly folder: string
    readonly backend: ReturnType<typeof sqliteBackend>
  } & AsyncDisposable
> {
  const folder = temporaryFolder()
  const path = join(folder.path, 'celery.db')
  const captured = capturedRows(version)
  const file = new RawFile(path)
  for (const statement of capturedSchema(version)) file.db.exec(statement)
  for (const row of captured) file.insert(row.columns)
  for (const { id, pickle } of capturedGroups(version)) {
    file.db.run('INSERT INTO celery_tasksetmeta (taskset_id, result) VALUES (?1, ?2)', id, pickle)
  }
  file.db.close()
  const backend = sqliteBackend(path)
  return {
    rows: captured.filter(row => row.ending !== UNREADABLE),
    unreadable: captured.filter(row => row.ending === UNREADABLE),
    folder: folder.path,
    backend,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

function isoOf(row: CapturedRow): string {
  return `${String(row.columns['date_done']).replace(' ', 'T')}+00:00`
}

function argsOf(row: CapturedRow): unknown {
  const args = row.columns['args']
  return jsonIn(args) ?? undefined
}

function jsonIn(column: unknown): unknown {
  return column instanceof Uint8Array ? JSON.parse(Buffer.from(column).toString('utf8')) : column
}

function valueIn(column: unknown): unknown {
  return column instanceof Uint8Array ? unpickle(column, { tuples: true }) : column
}
