import assert from 'node:assert/strict'
import { existsSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ResultBackend } from '../../src/backends/backend.js'
import { BackendError } from '../../src/backends/errors.js'
import { groupId, type TaskId, taskId } from '../../src/protocol/ids.js'
import { pickle } from '../../src/protocol/pickle.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { sqliteBackend } from '../support/backends/backend-places.js'
import { RawFile } from '../support/backends/sqlite-rows.js'
import { EVERYBODY_LIVES, runtimeOn, temporaryFolder } from '../support/brokers/sqlite-places.js'
import { Child, eventually } from '../support/brokers/sqlite-rig.js'
import { HandClock } from '../support/hand-clock.js'

const KEPT = { ttl: undefined, fence: undefined }
const ID = taskId('t1')
const THEIR_DATE = '2026-11-21 10:00:00.000001'

test('of a record that another program wrote over ours only the lineage that cannot change is ours', async () => {
  await using setting = await local()
  const { backend, raw } = setting
  await backend.store(
    {
      ...success(ID, 1),
      status: 'RETRY',
      error: { type: 'ValueError', args: [], module: 'builtins' },
      children: [{ id: taskId('child'), parent: undefined, members: undefined }],
      dateDone: undefined,
      groupId: groupId('g'),
      parentId: taskId('p'),
      intent: { retries: 1, eta: 5 },
    },
    KEPT,
  )
  raw.update(ID, { status: 'SUCCESS', result: pickle('theirs'), date_done: THEIR_DATE })
  assert.deepEqual(await backend.fetch(ID), {
    taskId: ID,
    status: 'SUCCESS',
    result: 'theirs',
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: '2026-11-21T10:00:00.000001+00:00',
    groupId: 'g',
    parentId: 'p',
  })
})

test("a success of another program's is protected, and so is ours from older attempts of ours after it wrote", async () => {
  await using setting = await local()
  const { backend, raw } = setting
  await backend.store(success(ID, 1, 'STARTED'), { ttl: undefined, fence: { retries: 2, claim: 7 } })
  raw.update(ID, { status: 'FAILURE', result: pickle(null), date_done: THEIR_DATE })
  const late = { ttl: undefined, fence: { retries: 2, claim: 6 } }
  assert.equal(await backend.store(success(ID, 'late'), late), 'refused')
  raw.update(ID, { status: 'SUCCESS', result: pickle('theirs'), date_done: THEIR_DATE })
  assert.equal(await backend.store(success(ID, 'ours'), KEPT), 'refused')
})

test('a PENDING row, which some program left, is no record', async () => {
  await using setting = await local()
  const { backend, raw } = setting
  raw.insert({ task_id: ID, status: 'PENDING', result: pickle(null) })
  assert.equal(await backend.fetch(ID), undefined)
  assert.equal(await backend.store(success(ID, 1, 'STARTED'), KEPT), 'stored')
})

test("a RETRY beside the next attempt's process, as Celery's two writers may leave it, is a retry whose error is unknown", async () => {
  await using setting = await local()
  const { backend, raw } = setting
  raw.insert({ task_id: ID, status: 'RETRY', result: pickle({ pid: 1, hostname: 'celery@there' }) })
  const { status, error, result } = (await backend.fetch(ID)) ?? {}
  assert.deepEqual([status, error, result], ['RETRY', undefined, undefined])
  raw.update(ID, { status: 'SUCCESS', result: pickle(5) })
  assert.equal((await backend.fetch(ID))?.result, 5)
})

const GARBAGE: Readonly<Record<string, Readonly<Record<string, string | number | null | Uint8Array>>>> = {
  'no pickle': { status: 'SUCCESS', result: Buffer.from('garbage') },
  'an empty blob': { status: 'SUCCESS', result: Buffer.alloc(0) },
  'text in place of a blob': { status: 'SUCCESS', result: 'text' },
  'a number in place of a blob': { status: 'SUCCESS', result: 5 },
  'a pickle that calls os.system': { status: 'SUCCESS', result: Buffer.from("cos\nsystem\n(S'true'\ntR.") },
  'a failure that calls os.system with state': {
    status: 'FAILURE',
    result: Buffer.from("cos\nsystem\n(S'true'\ntR(db."),
  },
  'a failure whose exception is a number': { status: 'FAILURE', result: pickle(5) },
  'a status that is no text': { status: Buffer.from([1]), result: pickle(1) },
  'no status': { status: null, result: pickle(1) },
  'a traceback that is no text': { status: 'FAILURE', result: pickle(null), traceback: Buffer.from([1]) },
}

for (const [what, columns] of Object.entries(GARBAGE)) {
  test(`M46 a row with ${what} fails its own waiter alone`, async () => {
    await using setting = await local()
    const { backend, raw } = setting
    await backend.store(success(taskId('good'), 1), KEPT)
    raw.insert({ task_id: ID, ...columns })
    await assert.rejects(backend.fetch(ID), { name: 'ResultDecodeError' })
    assert.equal((await backend.fetch(taskId('good')))?.result, 1)
    const heard = await firstOf(backend, [ID, taskId('good')], 2)
    assert.deepEqual(
      heard.map(meta => [meta.taskId, meta.error?.type]),
      [
        [ID, 'ResultDecodeError'],
        ['good', undefined],
      ],
    )
  })
}

test('arguments that were written with another serializer are unknown, their result is not', async () => {
  await using setting = await local()
  const { backend, raw } = setting
  raw.insert({
    task_id: ID,
    status: 'SUCCESS',
    result: pickle(5),
    name: 't',
    args: Buffer.from([0x91, 1]),
    kwargs: null,
  })
  const meta = await backend.fetch(ID)
  assert.deepEqual([meta?.result, meta?.extended?.name, meta?.extended?.args], [5, 't', undefined])
})

test('a row that another program has written since does not end with our record', async () => {
  await using setting = await local()
  const { backend, raw, clock } = setting
  await backend.store(success(ID, 'ours', 'STARTED'), { ttl: 1000, fence: undefined })
  raw.update(ID, { status: 'SUCCESS', result: pickle('theirs'), date_done: THEIR_DATE })
  await clock.pass(2000)
  await backend.cleanup()
  assert.equal((await backend.fetch(ID))?.result, 'theirs')
  assert.equal(raw.count('lovage_result'), 0)
})

test('what has expired leaves the file by itself, in virtual minutes', async () => {
  await using setting = await local()
  const { backend, raw, clock } = setting
  const ids = Array.from({ length: 1200 }, (_, i) => taskId(`t${i}`))
  await Promise.all(
    ids.map((id, i) => backend.store(success(id, i), { ttl: i < 1100 ? 1000 : undefined, fence: undefined })),
  )
  await backend.saveGroup({ id: groupId('g'), parent: undefined, members: [] }, 1000)
  const chord = groupId('c')
  await backend.arrive({ chord, index: 0, taskId: ID, meta: success(ID, 1), size: undefined }, 1000)
  await clock.pass(180_000)
  const counts = ['celery_taskmeta', 'lovage_result', 'lovage_group', 'lovage_chord', 'lovage_chord_part'].map(table =>
    raw.count(table),
  )
  assert.deepEqual(counts, [100, 100, 0, 0, 0])
})

test('cleaning up tells how many it removed, and drops what stood beside rows that others deleted', async () => {
  await using setting = await local()
  const { backend, raw, clock } = setting
  await backend.store(success(taskId('a'), 1), { ttl: 1000, fence: undefined })
  await backend.store(success(taskId('b'), 1), KEPT)
  await backend.store(success(taskId('c'), 1), KEPT)
  raw.db.run("DELETE FROM celery_taskmeta WHERE task_id = 'b'")
  await clock.pass(1000)
  assert.equal(await backend.cleanup(), 1)
  assert.deepEqual([raw.count('celery_taskmeta'), raw.count('lovage_result')], [1, 1])
})

test('D71 the mark of a closed chord stays for the time of its results, and no longer', async () => {
  await using setting = await local()
  const { backend, raw, clock } = setting
  const chord = groupId('c')
  await backend.setChordSize(chord, 1, 3_600_000)
  await backend.close(chord)
  await clock.pass(3_500_000)
  assert.equal(raw.count('lovage_chord'), 1)
  await clock.pass(300_000)
  assert.equal(raw.count('lovage_chord'), 0)
})

test('a watcher that fell behind the list of changes hears everything all the same', async () => {
  await using setting = await local()
  const { backend, raw, clock } = setting
  const over = new AbortController()
  const heard: unknown[] = []
  const ids = ['t1', 't2'].map(taskId)
  const watching = (async () => {
    for await (const meta of backend.watch(ids, over.signal)) heard.push(meta.result)
  })()
  await clock.pass(1000)
  // More changes between two looks than are kept: as if this process had slept.
  raw.db.transaction(() => {
    for (const id of ids) raw.insert({ task_id: id, status: 'SUCCESS', result: pickle(id) })
    for (let i = 0; i < 10; i++) raw.db.run("INSERT INTO lovage_result_change (task_id) VALUES ('other')")
    raw.db.run('DELETE FROM lovage_result_change WHERE seq < 10')
  })
  await clock.pass(1000)
  over.abort()
  await watching
  assert.deepEqual(heard, ids)
})

test('the list of changes is cut to its newest 20,000', async () => {
  await using setting = await local()
  const { raw, clock } = setting
  raw.db.transaction(() => {
    for (let i = 0; i < 30_000; i++) raw.db.run("INSERT INTO lovage_result_change (task_id) VALUES ('other')")
  })
  await clock.pass(120_000)
  assert.equal(raw.count('lovage_result_change'), 20_000)
  assert.equal(raw.db.get('SELECT max(seq) AS newest FROM lovage_result_change')?.['newest'], 30_000)
})

test('forgetting takes what Python saved, too', async () => {
  await using setting = await local()
  const { backend, raw } = setting
  raw.db.run("INSERT INTO celery_tasksetmeta (taskset_id, result) VALUES ('g', NULL)")
  await assert.rejects(backend.fetchGroup(groupId('g')), { name: 'ResultDecodeError' })
  await backend.forgetGroup(groupId('g'))
  assert.equal(await backend.fetchGroup(groupId('g')), undefined)
  assert.equal(raw.count('celery_tasksetmeta'), 0)
})

test('a watcher hears what another process stores', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  await using backend = sqliteBackend(path)
  await backend.cleanup()
  const ids = Array.from({ length: 200 }, (_, i) => taskId(`r${i}`))
  const heard = firstOf(backend, ids, ids.length)
  await using child = new Child('../../backends/children/store-results', path, '200')
  assert.deepEqual(
    (await heard).map(meta => meta.result).toSorted((a, b) => Number(a) - Number(b)),
    ids.map((_, i) => i),
  )
  assert.equal(await child.ended(), 0)
})

test('D42 what a killed process was told is stored, is stored', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  const said: string[] = []
  {
    await using child = new Child('../../backends/children/store-results', path, '100000')
    while (said.length < 50) said.push((await child.line()) ?? assert.fail('it ended'))
    child.kill()
    for (let line = await child.line(); line !== undefined; line = await child.line()) said.push(line)
  }
  await using backend = sqliteBackend(path)
  for (const [i, id] of said.entries()) {
    if (!/^r\d+$/.test(id)) continue
    assert.equal((await backend.fetch(taskId(id)))?.result, i)
  }
})

test('D3c a file that was replaced ends the watches, transiently, and the next call works on the new one', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  await using backend = sqliteBackend(path)
  await backend.store(success(ID, 1), KEPT)
  const watching = firstOf(backend, [taskId('never')], 1)
  await firstOf(backend, [ID], 1)
  renameSync(path, `${path}.away`)
  for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true })
  await assert.rejects(backend.store(success(ID, 2), KEPT), isTransient)
  await assert.rejects(watching, isTransient)
  assert.equal(await backend.store(success(ID, 3), KEPT), 'stored')
  assert.equal((await backend.fetch(ID))?.result, 3)
})

test('D3d a damaged file is kept aside, and every later call says so', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  {
    await using backend = sqliteBackend(path)
    const ids = Array.from({ length: 500 }, (_, i) => taskId(`t${i}`))
    await Promise.all(ids.map(id => backend.store(success(id, 'x'.repeat(1000)), KEPT)))
  }
  // Its last commits move into the file when its thread has ended.
  await eventually('the end of the WAL', async () => !existsSync(`${path}-wal`) || undefined)
  const { size } = statSync(path)
  truncateSync(path, 4096)
  writeFileSync(path, Buffer.alloc(size - 4096, 0xa5), { flag: 'a' })
  await using backend = sqliteBackend(path)
  const isDamaged = (error: unknown): boolean =>
    error instanceof BackendError && error.code === 'LVG_SQLITE_DAMAGED' && !error.transient
  await assert.rejects(async () => {
    await backend.fetch(ID)
    await backend.cleanup()
  }, isDamaged)
  await assert.rejects(backend.store(success(ID, 1), KEPT), isDamaged)
})

test('a path that cannot be opened is a matter of settings', async () => {
  await using backend = sqliteBackend('/nonexistent/folder/results.db')
  await assert.rejects(backend.fetch(ID), { name: 'ConfigError', code: 'LVG_SQLITE_PATH' })
})

test('M40 a file of a newer Lovage is refused', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  {
    await using backend = sqliteBackend(path)
    await backend.cleanup()
    using raw = new RawFile(path)
    raw.db.run("UPDATE lovage_schema SET version = 99 WHERE component = 'results'")
  }
  await using backend = sqliteBackend(path)
  await assert.rejects(backend.fetch(ID), { name: 'ConfigError', code: 'LVG_SQLITE_SCHEMA_TOO_NEW' })
})

test('a record with a password in its URL is not shown', () => {
  const backend = sqliteBackend('x.db', { url: 'db+sqlite://me:secret@/x.db' })
  assert.doesNotMatch(backend.url, /secret/)
})

function isTransient(error: unknown): boolean {
  return error instanceof BackendError && error.transient
}

/** A backend in this thread and in virtual time, and another program at the same file. */
async function local(): Promise<
  { readonly backend: ResultBackend; readonly raw: RawFile; readonly clock: HandClock } & AsyncDisposable
> {
  const folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  const clock = new HandClock()
  const backend = sqliteBackend(path, { runtime: runtimeOn(clock), durability: 'os', local: EVERYBODY_LIVES })
  await backend.cleanup()
  const raw = new RawFile(path)
  return {
    backend,
    raw,
    clock,
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]()
      await backend[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

async function firstOf(backend: ResultBackend, ids: readonly TaskId[], count: number): Promise<readonly ResultMeta[]> {
  const heard: ResultMeta[] = []
  for await (const meta of backend.watch(ids, new AbortController().signal)) {
    heard.push(meta)
    if (heard.length === count) break
  }
  return heard
}

function success(id: TaskId, result: unknown, status = 'SUCCESS'): ResultMeta {
  return {
    taskId: id,
    status,
    result,
    error: undefined,
    traceback: undefined,
    children: [],
    dateDone: status === 'SUCCESS' ? '2026-11-20T08:51:09.816613+00:00' : undefined,
  }
}
