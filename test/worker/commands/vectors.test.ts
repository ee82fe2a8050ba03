import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskOptions } from '../../../src/app/task-options.js'
import { CommandError } from '../../../src/control/command-error.js'
import { NO_REPLY } from '../../../src/control/command-table.js'
import { MASK } from '../../../src/lib/mask-url.js'
import { argumentProblem, findCommand } from '../../../src/protocol/control-commands.js'
import { createCodec } from '../../../src/protocol/create-codec.js'
import type { TaskId, TaskName } from '../../../src/protocol/ids.js'
import { parseJson, printJson } from '../../../src/protocol/json.js'
import type { Message } from '../../../src/protocol/message.js'
import { decodeControlReply, decodeControlRequest } from '../../../src/protocol/pidbox.js'
import { pythonTextRepr } from '../../../src/protocol/python-text-repr.js'
import type { TaskRequest } from '../../../src/protocol/request.js'
import { workerCommands } from '../../../src/worker/commands/worker-commands.js'
import type { HeldTask } from '../../../src/worker/commands/worker-view.js'
import { captured } from '../../support/captured.js'
import { vectors } from '../../support/vectors.js'
import { FakeView, type FakeViewOptions, heldTask } from '../../support/worker/fake-view.js'

/*
 * Every request of the captured remote control, given to a worker of ours in the same situation: its answer has the same
 * members and types as Python's, and where it says the same in the same words, the same words.
 */

const CODEC = createCodec({ serializer: 'json', accept: ['json'] })

const id = (n: number): TaskId => `aaaaaaaa-0000-4000-8000-00000000000${n}` as TaskId

const HELD: readonly HeldTask[] = [
  heldTask('active', {
    id: id(1),
    task: 'interop.sleep_for' as TaskName,
    args: [600],
    kwargs: { value: 'ž' },
    argsrepr: '(600,)',
    kwargsrepr: "{'value': 'ž'}",
    priority: 3,
  }),
  heldTask('reserved', { id: id(2), args: [1, 2] }),
  heldTask('scheduled', { id: id(4), args: [3, 4], eta: 1_795_172_798_917 } as Partial<TaskRequest> & { id: TaskId }),
  heldTask('reserved', { id: id(5), task: 'interop.sleep_for' as TaskName, args: [600] }),
  heldTask('reserved', { id: id(3) }),
]

/** Where the captured worker was in another state than most. */
const SITUATIONS: Readonly<Record<string, FakeViewOptions>> = {
  autoscale: { autoscaler: true },
  pool_grow_autoscaled: { autoscaler: true },
  stats_autoscaled: { autoscaler: true },
  pool_restart: { settings: { workerPoolRestarts: true } },
  enable_events: { events: 'off' },
  disable_events_again: { events: 'off' },
  'celery-5.2.6/pidbox/redis/pool_shrink.json': { running: 2 },
}

/** What cannot be the same text: it tells of another program, another set's order, or another time. */
const OTHER_TEXT: readonly string[] = [
  'report',
  'memsample',
  'clock',
  'hello',
  'hello_revoked',
  'stats',
  'conf',
  'reserved',
]

/** Celery 5.2 writes the ids of `revoke` without Python's brackets. */
const OLDER_TEXT: readonly string[] = ['revoke', 'revoke_many']

/** Null in one of the two where the other one has something. */
const NULLABLE: readonly RegExp[] = [/^conf/, /\.broker\./, /\.redelivered$/]

/** Whose members the user chooses. */
const OPEN = /\.(kwargs|total|transport_options|revoked)$/

for (const { path, vector } of vectors('celery-').filter(({ path }) => path.includes('/pidbox/'))) {
  const name = path.slice(path.lastIndexOf('/') + 1, -'.json'.length)
  test(`the answer to ${path}`, () => {
    const request = decodeControlRequest(only(vector.requests, path), CODEC)
    assert.equal(request.kind, 'request', path)
    if (request.kind !== 'request') return
    const view = new FakeView({ tasks: tasksIn(path), held: HELD, ...(SITUATIONS[path] ?? SITUATIONS[name]) })
    const ours = answer(view, request.request.method, request.request.arguments)
    const replies = captured(vector.replies).flatMap(piece => (piece.kind === 'message' ? [piece.message] : []))
    if (replies.length === 0) {
      // Nobody answered: it was for another node, or it is never answered.
      assert.ok(name === 'shutdown' ? ours === NO_REPLY : name === 'ping_destination_other', path)
      return
    }
    const theirs = decodeControlReply(replies[0] as Message, CODEC)
    assert.equal(theirs.kind, 'reply', path)
    if (theirs.kind !== 'reply') return
    // As it arrives: through JSON.
    const arrived = parseJson(printJson(ours))
    sameShape(arrived, theirs.reply.value, name)
    if (!isLikeness(name, path)) assert.deepEqual(settled(arrived), settled(theirs.reply.value))
  })
}

/** Without what differs from run to run. */
function settled(value: unknown): unknown {
  const volatile = new Set(['time_start', 'worker_pid', 'redelivered'])
  return JSON.parse(
    JSON.stringify(value, (key, item) =>
      volatile.has(key) && (item !== null || key === 'redelivered') ? 'some' : item,
    ),
  )
}

function isLikeness(name: string, path: string): boolean {
  if (path.includes('5.2.6') && OLDER_TEXT.includes(name)) return true
  return (
    OTHER_TEXT.some(other => name === other || name.startsWith(`${other}_`)) || /active_queues|scheduled/.test(name)
  )
}

/** As the mailbox does it. */
function answer(view: FakeView, method: string, args: Readonly<Record<string, unknown>>): unknown {
  try {
    const spec = findCommand(method)
    if (spec === undefined) throw new CommandError('KeyError', method)
    const problem = argumentProblem(spec, args)
    if (problem !== undefined) throw new CommandError('TypeError', problem)
    return workerCommands(view).run(spec.name, args)
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error))
    return { error: `${error.name}(${pythonTextRepr(error.message)})` }
  }
}

function only(found: unknown, path: string): Message {
  const [first] = captured(found).flatMap(piece => (piece.kind === 'message' ? [piece.message] : []))
  assert.ok(first, `${path} has no request`)
  return first
}

function sameShape(ours: unknown, theirs: unknown, where: string): void {
  if ((ours === null || theirs === null) && NULLABLE.some(pattern => pattern.test(where))) return
  assert.equal(kindOf(ours), kindOf(theirs), `${where}: ${JSON.stringify(ours)} and ${JSON.stringify(theirs)}`)
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    if (theirs.length > 0 && !where.startsWith('conf')) assert.ok(ours.length > 0, `${where} is empty`)
    const pairs = where.startsWith('conf') ? 0 : Math.min(ours.length, theirs.length)
    for (let i = 0; i < pairs; i++) sameShape(ours[i], theirs[i], `${where}[]`)
    return
  }
  if (kindOf(ours) !== 'object' || OPEN.test(where)) return
  const [mine, other] = [ours as Record<string, unknown>, theirs as Record<string, unknown>]
  if (where.startsWith('conf')) {
    // Each has settings of its own; those of the same name are of the same type.
    for (const key of Object.keys(mine)) {
      if (key in other && mine[key] !== MASK) sameShape(mine[key], other[key], `${where}.${key}`)
    }
    return
  }
  const missing = Object.keys(other).filter(key => !(key in mine))
  assert.deepEqual(missing, [], `members missing in ${where}`)
  for (const key of Object.keys(other)) sameShape(mine[key], other[key], `${where}.${key}`)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value
}

/** The tasks of the captured worker, with the options that it tells of them. */
function tasksIn(path: string): Readonly<Record<string, TaskOptions>> {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const tasks: Record<string, TaskOptions> = {}
  for (const file of ['registered_fields', 'registered']) {
    const [{ vector } = { vector: undefined }] = vectors(`${folder}/${file}.json`)
    const decoded = decodeControlReply(only(vector.replies, folder), CODEC)
    assert.equal(decoded.kind, 'reply')
    if (decoded.kind !== 'reply') continue
    for (const line of decoded.reply.value as readonly string[]) {
      const [task = '', fields = ''] = line.split(' [')
      const rateLimit = /rate_limit=([^ \]]*)/.exec(fields)?.[1]
      const maxRetries = /max_retries=(\d+)/.exec(fields)?.[1]
      tasks[task] = {
        ...tasks[task],
        ...(rateLimit === undefined ? {} : { rateLimit }),
        ...(maxRetries === undefined ? {} : { maxRetries: Number(maxRetries) }),
      }
    }
  }
  return tasks
}
