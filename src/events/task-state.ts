import type { EpochMs, Ms } from '../lib/time.js'
import { cutText } from '../protocol/cut-text.js'
import type { TaskId } from '../protocol/ids.js'
import { DEFAULT_LIMITS } from '../protocol/limits.js'
import type { State } from '../protocol/result-meta.js'
import type { ReceivedEvent } from './received-event.js'
import { hasOwnState, isLate, stateOfSubject } from './state-precedence.js'

/** What events have told of a task. Names as in Celery's `Task`, camelCased; texts are those of the sender, for people to read. */
export interface TaskState {
  readonly uuid: TaskId
  readonly state: State
  readonly name: string | undefined
  readonly args: string | undefined
  readonly kwargs: string | undefined
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly retries: number | undefined
  /** ISO 8601, as it was sent. */
  readonly eta: string | undefined
  readonly expires: string | undefined
  readonly result: string | undefined
  readonly runtime: Ms | undefined
  readonly exception: string | undefined
  readonly traceback: string | undefined
  readonly queue: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
  /** Node name of the worker that spoke last of it. */
  readonly worker: string | undefined
  /** Who sent it: `gen<pid>@<host>`. */
  readonly client: string | undefined
  /** The senders' wall time of the event of that name. */
  readonly sent: EpochMs | undefined
  readonly received: EpochMs | undefined
  readonly started: EpochMs | undefined
  readonly succeeded: EpochMs | undefined
  readonly failed: EpochMs | undefined
  readonly retried: EpochMs | undefined
  readonly revoked: EpochMs | undefined
  readonly rejected: EpochMs | undefined
  /** Of the last event, late receipts left out. */
  readonly timestamp: EpochMs
  readonly clock: number
}

/** A late `received` adds these and nothing else. Source: celery/events/state.py `Task.merge_rules`. */
const OF_RECEIVED: ReadonlySet<string> = new Set([
  'name',
  'args',
  'kwargs',
  'rootId',
  'parentId',
  'retries',
  'eta',
  'expires',
])

const ALL: ReadonlySet<string> = new Set([
  ...OF_RECEIVED,
  'result',
  'runtime',
  'exception',
  'traceback',
  'queue',
  'exchange',
  'routingKey',
])

/** Longest texts that are kept of foreign events, bytes. */
const LONGEST: Readonly<Record<string, number>> = {
  traceback: DEFAULT_LIMITS.tracebackBytes,
  exception: DEFAULT_LIMITS.exceptionBytes,
}
const LONGEST_OTHER = 4096

const UNKNOWN = Object.freeze({
  name: undefined,
  args: undefined,
  kwargs: undefined,
  rootId: undefined,
  parentId: undefined,
  retries: undefined,
  eta: undefined,
  expires: undefined,
  result: undefined,
  runtime: undefined,
  exception: undefined,
  traceback: undefined,
  queue: undefined,
  exchange: undefined,
  routingKey: undefined,
  worker: undefined,
  client: undefined,
  sent: undefined,
  received: undefined,
  started: undefined,
  succeeded: undefined,
  failed: undefined,
  retried: undefined,
  revoked: undefined,
  rejected: undefined,
})

/** The task after an event of the group `task`. `before`: undefined when it is heard of for the first time. */
export function taskAfter(before: TaskState | undefined, event: ReceivedEvent): TaskState {
  const subject = event.type.slice('task-'.length)
  const state = stateOfSubject(subject)
  const current = before?.state ?? 'PENDING'
  const late = isLate(state, current)
  const { uuid } = event.fields
  const { clock, timestamp } = event
  const after: Record<string, unknown> =
    before === undefined ? { uuid, state, timestamp, clock, ...UNKNOWN } : { ...before, clock }
  const lateReceipt = late && state === 'RECEIVED'
  const told = lateReceipt ? OF_RECEIVED : ALL
  for (const name in event.fields) {
    const value = event.fields[name]
    // What an event says is nothing is nothing: a retry may have an eta, and the attempt after it none.
    if (told.has(name)) after[name] = kept(name, value)
  }
  if (hasOwnState(subject)) after[subject] = timestamp
  after[subject === 'sent' ? 'client' : 'worker'] = event.hostname
  if (!late) after['state'] = state
  if (!lateReceipt) after['timestamp'] = timestamp
  // Every member has been set: by what was before, or by UNKNOWN and the line beside it.
  return after as unknown as TaskState
}

function kept(name: string, value: unknown): unknown {
  return typeof value === 'string' ? cutText(value, LONGEST[name] ?? LONGEST_OTHER) : value
}

/** Characters that a task holds. */
export function textOfTask(task: TaskState): number {
  const { args, kwargs, result, exception, traceback } = task
  return lengthOf(args) + lengthOf(kwargs) + lengthOf(result) + lengthOf(exception) + lengthOf(traceback)
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length
}
