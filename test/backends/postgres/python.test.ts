import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ResultBackend } from '../../../src/backends/backend.js'
import { groupId, taskId, taskName } from '../../../src/protocol/ids.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import { postgresBackend } from '../../support/backends/postgres-place.js'
import { celery, needsCelery } from '../../support/services/debian-celery.js'
import { needsPostgres, ScratchDatabase } from '../../support/services/postgres.js'

/* Real Celery on one side of its tables, Lovage on the other. */

const needs = { ...needsCelery, ...needsPostgres }
const KEPT = { ttl: undefined, fence: undefined }

let database: ScratchDatabase
let backend: ResultBackend

before(async () => {
  if (needs.skip !== undefined) return
  database = await ScratchDatabase.create()
  backend = postgresBackend(database.url('db+postgresql'))
})

after(async () => {
  await backend?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

const APP = `
import json, sys
from celery import Celery
app = Celery('other', broker='memory://', backend=sys.argv[1])
app.conf.result_extended = True
`

test('Celery reads the values, states and errors that we store', needs, async () => {
  const records: readonly ResultMeta[] = [
    record('null', 'SUCCESS', undefined),
    record('nested', 'SUCCESS', { a: [1, 2.5, true, null, 'grüße 🌿'] }),
    record('progress', 'PROGRESS', { done: 5 }),
    { ...record('failed', 'FAILURE'), error: { type: 'ValueError', args: ['boom', 42], module: 'builtins' } },
    { ...record('ours', 'FAILURE'), error: { type: 'PaymentRefused', args: ['no'], module: 'lovage.shop' } },
    {
      ...record('revoked', 'REVOKED'),
      error: { type: 'TaskRevokedError', args: ['revoked'], module: 'celery.exceptions' },
    },
  ]
  await Promise.all(records.map(meta => backend.store({ ...meta, traceback: 'Traceback: x' }, KEPT)))
  const read = celery(
    `${APP}
def tell(id):
    r = app.AsyncResult(id)
    return [r.state, repr(r.result), type(r.result).__name__, r.traceback]
print(json.dumps({i: tell(i) for i in sys.argv[2:]}))`,
    database.url('db+postgresql'),
    ...records.map(meta => meta.taskId),
  )
  assert.deepEqual(read, {
    null: ['SUCCESS', 'None', 'NoneType', 'Traceback: x'],
    nested: ['SUCCESS', "{'a': [1, 2.5, True, None, 'grüße 🌿']}", 'dict', 'Traceback: x'],
    progress: ['PROGRESS', "{'done': 5}", 'dict', 'Traceback: x'],
    failed: ['FAILURE', "ValueError('boom', 42)", 'ValueError', 'Traceback: x'],
    ours: ['FAILURE', "PaymentRefused('no')", 'PaymentRefused', 'Traceback: x'],
    revoked: ['REVOKED', "TaskRevokedError('revoked')", 'TaskRevokedError', 'Traceback: x'],
  })
})

test('we read the values and errors that Celery stores, and hear of them', needs, async () => {
  const ids = ['py-value', 'py-failed'].map(taskId)
  const over = new AbortController()
  const heard = new Map<string, ResultMeta>()
  const watching = (async () => {
    for await (const meta of backend.watch(ids, over.signal)) {
      heard.set(meta.taskId, meta)
      if (heard.size === 2) over.abort()
    }
  })()
  celery(
    `${APP}
app.backend.store_result('py-value', {'a': (1, 2)}, 'SUCCESS')
app.backend.store_result('py-failed', KeyError('gone'), 'FAILURE', traceback='Traceback: y')
print('null')`,
    database.url('db+postgresql'),
  )
  await watching
  assert.deepEqual([heard.get('py-value')?.status, heard.get('py-value')?.result], ['SUCCESS', { a: [1, 2] }])
  const failed = await backend.fetch(taskId('py-failed'))
  assert.deepEqual(failed?.error, { type: 'KeyError', args: ['gone'], module: 'builtins' })
  assert.equal(failed?.traceback, 'Traceback: y')
  assert.notEqual(failed?.dateDone, undefined)
})

test(
  'tables that Celery made are used as they are, ids from its sequences, and each reads the other',
  needs,
  async () => {
    await using other = await ScratchDatabase.create()
    const url = other.url('db+postgresql')
    celery(`${APP}\napp.backend.store_result('first', 1, 'SUCCESS')\nprint('null')`, url)
    await using ours = postgresBackend(url)
    assert.equal((await ours.fetch(taskId('first')))?.result, 1)
    await ours.store(record('second', 'SUCCESS', 2), KEPT)
    celery(`${APP}\napp.backend.store_result('third', 3, 'SUCCESS')\nprint('null')`, url)
    const rows = await other.query('SELECT id, task_id FROM celery_taskmeta ORDER BY id')
    assert.deepEqual(
      rows.map(row => row['task_id']),
      ['first', 'second', 'third'],
    )
  },
)

test('tables that we made have the columns, types, keys and sequences that Celery makes', needs, async () => {
  await using theirs = await ScratchDatabase.create()
  await using mine = await ScratchDatabase.create()
  celery(`${APP}\napp.backend.store_result('x', 1, 'SUCCESS')\nprint('null')`, theirs.url('db+postgresql'))
  await using ours = postgresBackend(mine.url('db+postgresql'))
  await ours.store(record('x', 'SUCCESS', 1), KEPT)
  const shape = `
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
    FROM information_schema.columns WHERE table_name LIKE 'celery%' ORDER BY table_name, ordinal_position`
  assert.deepEqual(await mine.query(shape), await theirs.query(shape))
  const keys = "SELECT conname FROM pg_constraint WHERE conrelid::regclass::text LIKE 'celery%' ORDER BY 1"
  assert.deepEqual(await mine.query(keys), await theirs.query(keys))
  // Wherever the search path of this role leads.
  const sequences = "SELECT sequencename, increment_by FROM pg_sequences WHERE sequencename LIKE 'task%' ORDER BY 1"
  assert.deepEqual(await mine.query(sequences), await theirs.query(sequences))
})

test('extended columns are readable both ways, and Celery cleans up what it has no longer to keep', needs, async () => {
  await backend.store(
    {
      ...record('extended', 'SUCCESS', 1),
      extended: {
        name: taskName('img.resize'),
        args: ['a', 1],
        kwargs: { w: 800 },
        worker: 'w1@host',
        retries: 2,
        queue: 'images',
      },
    },
    KEPT,
  )
  const [row] = await database.query(
    "SELECT name, convert_from(args, 'UTF8') AS args, convert_from(kwargs, 'UTF8') AS kwargs, worker, retries, queue FROM celery_taskmeta WHERE task_id = 'extended'",
  )
  assert.deepEqual(row, {
    name: 'img.resize',
    args: '["a",1]',
    kwargs: '{"w":800}',
    worker: 'w1@host',
    retries: 2,
    queue: 'images',
  })
  celery(`${APP}\napp.conf.result_expires = 1\napp.backend.cleanup()\nprint('null')`, database.url('db+postgresql'))
  assert.equal(await backend.fetch(taskId('extended')), undefined)
  // Its row beside is of no use any more, and does not stand in the way.
  assert.equal(await backend.store(record('extended', 'STARTED'), KEPT), 'stored')
})

test('a group that Celery saved is read; one that we saved is read by us', needs, async () => {
  celery(
    `${APP}
app.GroupResult('py-group', [app.AsyncResult('a'), app.AsyncResult('b')]).save(app.backend)
print('null')`,
    database.url('db+postgresql'),
  )
  const theirs = await backend.fetchGroup(groupId('py-group'))
  assert.deepEqual(
    theirs?.members?.map(member => member.id),
    ['a', 'b'],
  )
  await backend.saveGroup({ id: groupId('ours'), parent: undefined, members: [] }, undefined)
  assert.deepEqual((await backend.fetchGroup(groupId('ours')))?.members, [])
})

test('D44 a SUCCESS that Celery stored stays; D45 a record that Celery wrote keeps our fence', needs, async () => {
  celery(`${APP}\napp.backend.store_result('theirs', 1, 'SUCCESS')\nprint('null')`, database.url('db+postgresql'))
  assert.equal(await backend.store(record('theirs', 'FAILURE'), KEPT), 'refused')
  await backend.store(record('fenced', 'STARTED'), { ttl: undefined, fence: { retries: 1, claim: 5 } })
  celery(`${APP}\napp.backend.store_result('fenced', 1, 'PROGRESS')\nprint('null')`, database.url('db+postgresql'))
  const older = await backend.store(record('fenced', 'SUCCESS', 2), { ttl: undefined, fence: { retries: 0, claim: 9 } })
  assert.equal(older, 'refused')
  assert.equal((await backend.fetch(taskId('fenced')))?.status, 'PROGRESS')
})

function record(id: string, status: string, result?: unknown): ResultMeta {
  return {
    taskId: taskId(id),
    status,
    result,
    error: status === 'FAILURE' ? { type: 'ValueError', args: [], module: 'builtins' } : undefined,
    traceback: undefined,
    children: [],
    dateDone: ['SUCCESS', 'FAILURE', 'REVOKED'].includes(status) ? '2026-11-20T08:51:09.816613+00:00' : undefined,
  }
}
