import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { groupId, taskId } from '../../src/protocol/ids.js'
import { pickle } from '../../src/protocol/pickle.js'
import { Decimal, NaiveDateTime, Tuple, Uuid } from '../../src/protocol/values.js'
import { sqliteBackend } from '../support/backends/backend-places.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'

/* Python's own sqlite3 and pickle as the other side; Celery is not needed. */

const KEPT = { ttl: undefined, fence: undefined }
const MISSING = python('import pickle, sqlite3').status === 0 ? undefined : 'there is no python3 on the PATH'
const options = MISSING === undefined ? {} : { skip: MISSING }

test('Python unpickles every value that we store', options, async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  const values: Readonly<Record<string, readonly [value: unknown, repr: string]>> = {
    none: [undefined, 'None'],
    int: [42, '42'],
    big: [2n ** 70n, '1180591620717411303424'],
    float: [2.5, '2.5'],
    text: ['grüße 🌿', "'grüße 🌿'"],
    bytes: [Uint8Array.of(0, 255), "b'\\x00\\xff'"],
    list: [[1, null, true], '[1, None, True]'],
    dict: [{ a: { b: [] } }, "{'a': {'b': []}}"],
    date: [
      new Date('2024-02-29T12:34:56.789Z'),
      'datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=datetime.timezone.utc)',
    ],
    naive: [new NaiveDateTime('2024-02-29T12:34:56'), 'datetime.datetime(2024, 2, 29, 12, 34, 56)'],
    decimal: [new Decimal('1.10'), "Decimal('1.10')"],
    uuid: [new Uuid('12345678-1234-5678-1234-567812345678'), "UUID('12345678-1234-5678-1234-567812345678')"],
    tuple: [new Tuple([1, 2]), '(1, 2)'],
  }
  {
    await using backend = sqliteBackend(path)
    for (const [name, [value]] of Object.entries(values)) await backend.store(success(name, value), KEPT)
  }
  const read = pythonJson(
    `import json, pickle, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(json.dumps({i: repr(pickle.loads(r)) for i, r in db.execute('select task_id, result from celery_taskmeta')}))`,
    path,
  )
  assert.deepEqual(read, Object.fromEntries(Object.entries(values).map(([name, [, repr]]) => [name, repr])))
})

test('Python finds every column as Celery would have written it', options, async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  {
    await using backend = sqliteBackend(path)
    const meta = {
      ...success('t1', undefined),
      status: 'FAILURE',
      error: { type: 'ValueError', args: ['boom', 42], module: 'builtins' },
      traceback: 'Traceback …',
      extended: {
        name: 'img.resize' as never,
        args: ['a', 1],
        kwargs: { w: 800 },
        worker: 'w1@host',
        retries: 2,
        queue: 'images',
      },
    }
    await backend.store(meta, KEPT)
  }
  const row = pythonJson(
    `import json, pickle, sqlite3, sys, datetime
db = sqlite3.connect(sys.argv[1])
db.row_factory = sqlite3.Row
row = dict(db.execute('select * from celery_taskmeta').fetchone())
row['result'] = repr(pickle.loads(row['result']))
row['args'] = row['args'].decode()
row['kwargs'] = row['kwargs'].decode()
row['date_done'] = str(datetime.datetime.strptime(row['date_done'], '%Y-%m-%d %H:%M:%S.%f'))
print(json.dumps(row))`,
    path,
  )
  assert.deepEqual(row, {
    id: 1,
    task_id: 't1',
    status: 'FAILURE',
    result: "{'exc_type': 'ValueError', 'exc_message': ('boom', 42), 'exc_module': 'builtins'}",
    date_done: '2026-11-20 08:51:09.816613',
    traceback: 'Traceback …',
    name: 'img.resize',
    args: '["a",1]',
    kwargs: '{"w":800}',
    worker: 'w1@host',
    retries: 2,
    queue: 'images',
  })
})

test('a watcher hears what Python writes, inserted and updated', options, async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  await using backend = sqliteBackend(path)
  await backend.store({ ...success('theirs', undefined), status: 'STARTED', dateDone: undefined }, KEPT)
  const over = new AbortController()
  const heard: unknown[] = []
  const ids = ['theirs', 'new'].map(taskId)
  for await (const meta of backend.watch(ids, over.signal)) {
    heard.push([meta.taskId, meta.status, meta.result])
    if (heard.length === 1) writeFromPython(path)
    if (heard.length === 3) over.abort()
  }
  assert.deepEqual(heard[0], ['theirs', 'STARTED', null])
  assert.deepEqual(heard.slice(1).sort(), [
    ['new', 'SUCCESS', { from: 'python' }],
    ['theirs', 'SUCCESS', [1, 2]],
  ])
})

test('Python goes on with a file that we made: it inserts, updates, deletes', options, async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  await using backend = sqliteBackend(path)
  await backend.store({ ...success('theirs', undefined), status: 'STARTED', dateDone: undefined }, KEPT)
  await backend.saveGroup({ id: groupId('g'), parent: undefined, members: [] }, undefined)
  writeFromPython(path)
  const deleted = python(
    `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
cursor = db.execute("delete from celery_taskmeta where task_id = 'new'")
print(cursor.rowcount)
db.commit()`,
    path,
  )
  assert.equal(deleted.stdout.trim(), '1', deleted.stderr)
  assert.equal(await backend.fetch(taskId('new')), undefined)
  assert.deepEqual((await backend.fetch(taskId('theirs')))?.result, [1, 2])
})

/** In one transaction, as an ORM does: insert, then update. */
function writeFromPython(path: string): void {
  const done = python(
    `import pickle, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
cursor = db.cursor()
cursor.execute("insert into celery_taskmeta (task_id, status) values ('new', 'PENDING')")
assert cursor.lastrowid == 2, cursor.lastrowid
cursor.execute("update celery_taskmeta set status='SUCCESS', result=?, date_done='2026-11-20 08:51:09.816613' where id=2",
    (pickle.dumps({'from': 'python'}),))
assert cursor.rowcount == 1
cursor.execute("update celery_taskmeta set status='SUCCESS', result=?, date_done='2026-11-20 08:51:09.816614' where task_id='theirs'",
    (pickle.dumps([1, 2]),))
db.commit()`,
    path,
  )
  assert.equal(done.status, 0, done.stderr)
}

function success(id: string, result: unknown): Parameters<ReturnType<typeof sqliteBackend>['store']>[0] {
  return {
    taskId: taskId(id),
    status: 'SUCCESS',
    result,
    error: undefined,
    traceback: undefined,
    children: [],
    dateDone: '2026-11-20T08:51:09.816613+00:00',
  }
}

function python(
  script: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync('python3', ['-c', script, ...args], { encoding: 'utf8' })
}

function pythonJson(script: string, ...args: readonly string[]): unknown {
  const { status, stdout, stderr } = python(script, ...args)
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

test('what we pickle is what Python pickles, value for value', options, () => {
  const value = { a: [1, 2.5, null, true, 'ü'], b: {}, n: -(2n ** 70n) }
  const { stdout, stderr } = python(
    `import pickle, sys
print(pickle.loads(bytes.fromhex(sys.argv[1])) == {'a': [1, 2.5, None, True, 'ü'], 'b': {}, 'n': -2**70})`,
    Buffer.from(pickle(value)).toString('hex'),
  )
  assert.equal(stdout.trim(), 'True', stderr)
})
