import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { operations } from '../../src/backends/sqlite/operations.js'
import type { ResultEvent, ResultOperations } from '../../src/backends/sqlite/result-calls.js'
import { type SqliteCode, SqliteError } from '../../src/drivers/errors.js'
import type { Database } from '../../src/drivers/sqlite/database.js'
import { openLocalHost } from '../../src/drivers/sqlite/local-host.js'
import { type TaskId, taskId } from '../../src/protocol/ids.js'
import { pickle } from '../../src/protocol/pickle.js'
import { RawFile } from '../support/backends/sqlite-rows.js'
import { EVERYBODY_LIVES, runtimeOn, temporaryFolder } from '../support/brokers/sqlite-places.js'
import { HandClock } from '../support/hand-clock.js'

const ID = taskId('t1')
/** Longer than the longest pause between two polls. */
const POLL = 300

test('D3c a look that the file refused is taken again, although nobody commits any more', async () => {
  await using rig = open()
  await rig.watch()
  rig.refuse('IOERR')
  rig.raw.insert({ task_id: ID, status: 'SUCCESS', result: pickle(1) })
  await rig.clock.pass(10_000)
  assert.deepEqual(rig.heard, [])
  rig.refuse(undefined)
  await rig.clock.pass(1000)
  assert.deepEqual(rig.heard, [ID])
})

test('D3c what the first look of a watch was refused is looked for again', async () => {
  await using rig = open()
  rig.refuse('IOERR')
  rig.onceRead(() => rig.raw.insert({ task_id: ID, status: 'SUCCESS', result: pickle(1) }))
  assert.deepEqual((await rig.watch()).rows, [])
  rig.refuse(undefined)
  await rig.clock.pass(1000)
  assert.deepEqual(rig.heard, [ID])
})

test('D3d a look that finds the file damaged ends the session, so that watches end with it', async () => {
  await using rig = open()
  await rig.watch()
  rig.refuse('CORRUPT')
  rig.raw.insert({ task_id: ID, status: 'SUCCESS', result: pickle(1) })
  await rig.clock.pass(POLL)
  const end = await rig.host.closed
  assert.equal(end.kind === 'lost' ? end.error.code : end.kind, 'LVG_SQLITE_CORRUPT')
})

/** A host in this thread and in virtual time, whose looks at the list of changes the test can have refused. */
function open() {
  const folder = temporaryFolder()
  const path = join(folder.path, 'results.db')
  const clock = new HandClock()
  const heard: TaskId[] = []
  const looks: Looks = { refused: undefined, onceRead: undefined }
  const host = openLocalHost<undefined, ResultOperations>({
    path,
    durability: 'os',
    config: undefined,
    runtime: runtimeOn(clock),
    processes: EVERYBODY_LIVES,
    operations: (db, context, config) => operations(refusable(db, looks), context, config),
    onEvent: event => heard.push(...(event as ResultEvent).map(({ row }) => row.taskId)),
  })
  const raw = new RawFile(path)
  return {
    host,
    clock,
    heard,
    raw,
    watch: () => host.call('watch', [ID]),
    refuse(code: SqliteCode | undefined) {
      looks.refused = code
    },
    onceRead(act: () => void) {
      looks.onceRead = act
    },
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]()
      await host[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

interface Looks {
  refused: SqliteCode | undefined
  /** Done once, behind the first statement of a view, which does not see it. */
  onceRead: (() => void) | undefined
}

/** What operations run is inside a transaction of the host's; a snapshot of their own is a look. */
function refusable(db: Database, looks: Looks): Database {
  return new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name === 'snapshot' && looks.refused !== undefined)
        throw new SqliteError(looks.refused, 'refused by the test')
      return (...args: readonly unknown[]) => {
        const answer = value.apply(target, args)
        const act = looks.onceRead
        looks.onceRead = undefined
        act?.()
        return answer
      }
    },
  })
}
