import { cutText } from '../protocol/cut-text.js'
import { exceptionRepr } from '../protocol/exception-repr.js'
import { formatIso } from '../protocol/iso8601.js'
import { DEFAULT_LIMITS } from '../protocol/limits.js'
import { pythonRepr } from '../protocol/python-repr.js'
import type { TaskRequest } from '../protocol/request.js'
import type { TaskEvent } from './effect.js'
import { signalNumber } from './signal-number.js'

export interface WireEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

/**
 * What happened to a task as Celery's monitors are told; undefined for what Celery has no event for: ignored tasks, dead
 * letters, and deliveries that go on elsewhere. Fields as in celery/worker/request.py and celery/worker/strategy.py.
 */
export function wireEvent(event: TaskEvent, request: TaskRequest): WireEvent | undefined {
  switch (event.type) {
    case 'task-received':
      return { type: event.type, fields: received(request) }
    case 'task-started':
      return { type: event.type, fields: { uuid: request.id } }
    case 'task-succeeded': {
      const result = pythonRepr(event.result, DEFAULT_LIMITS.reprLength)
      return { type: event.type, fields: { uuid: request.id, result, runtime: event.runtime } }
    }
    case 'task-failed':
      return { type: event.type, fields: failed(event, request) }
    case 'task-retried': {
      // Python shows the error that the handler gave as the cause, and None where it gave none.
      const exception = event.error === undefined ? 'None' : exceptionOf(event.error)
      return { type: event.type, fields: { uuid: request.id, exception, traceback: tracebackOf(event.traceback) } }
    }
    case 'task-rejected':
      return { type: event.type, fields: { uuid: request.id, requeue: event.requeue } }
    case 'task-revoked': {
      const { terminated, expired, signal } = event
      const signum = signal === undefined ? undefined : signalNumber(signal)
      return { type: event.type, fields: { uuid: request.id, terminated, signum, expired } }
    }
    case 'task-returned':
      return CANCELLED.has(event.why) ? { type: 'task-cancelled', fields: { uuid: request.id } } : undefined
    case 'task-ignored':
    case 'task-dead-lettered':
      return undefined
    default:
      return event satisfies never
  }
}

/** It ran, and was ended for a reason of the worker's own: it will run again. */
const CANCELLED: ReadonlySet<string> = new Set(['shutdown', 'connection-lost'])

function received(request: TaskRequest): WireEvent['fields'] {
  return {
    uuid: request.id,
    name: request.shadow ?? request.task,
    args: request.argsrepr,
    kwargs: request.kwargsrepr,
    rootId: request.rootId,
    parentId: request.parentId,
    retries: request.retries,
    eta: request.eta === undefined ? undefined : formatIso(request.eta),
    expires: request.expires === undefined ? undefined : formatIso(request.expires),
  }
}

/** Of a task that nobody knows, Celery tells the exception alone. Source: celery/worker/consumer/consumer.py `on_unknown_task`. */
function failed(event: TaskEvent & { readonly type: 'task-failed' }, request: TaskRequest): WireEvent['fields'] {
  const exception = exceptionOf(event.error)
  if (event.error.type === 'NotRegistered') return { uuid: request.id, exception }
  return { uuid: request.id, exception, traceback: tracebackOf(event.traceback) }
}

/** L13. */
function exceptionOf(error: Parameters<typeof exceptionRepr>[0]): string {
  return cutText(exceptionRepr(error), DEFAULT_LIMITS.exceptionBytes)
}

function tracebackOf(traceback: string | undefined): string {
  return cutText(traceback ?? '', DEFAULT_LIMITS.tracebackBytes)
}
