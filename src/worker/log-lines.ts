import type { Log } from '../lib/runtime.js'
import { exceptionRepr } from '../protocol/exception-repr.js'
import { formatIso } from '../protocol/iso8601.js'
import { pythonRepr } from '../protocol/python-repr.js'
import type { TaskRequest } from '../protocol/request.js'
import type { TaskEvent } from './effect.js'
import type { RejectionLines } from './rejection-lines.js'

/** Longest result shown in a log line. Source: celery/app/trace.py, `safe_repr(retval, maxlen=46)`. */
const RESULT_WIDTH = 46

/** Where lines go, and about which queue they are. */
export interface LogPlace {
  readonly log: Log
  readonly rejections: Pick<RejectionLines, 'tell'>
  readonly queue: string
}

/**
 * The line an operator of Celery knows, for what happened to a task. Wording of celery/app/trace.py and
 * celery/worker/strategy.py where Celery has the line. Nothing is built for a level that is not logged.
 */
export function logTaskEvent(request: TaskRequest, event: TaskEvent, { log, rejections, queue }: LogPlace): void {
  switch (event.type) {
    case 'task-received':
      if (log.enabled('info')) log.info(`Task ${name(request)} received${eta(event.eta)}`, fields(request))
      return
    case 'task-started':
      if (log.enabled('debug')) log.debug(`Task ${name(request)} accepted by ${event.pid}`, fields(request))
      return
    case 'task-succeeded':
      if (!log.enabled('info')) return
      log.info(
        `Task ${name(request)} succeeded in ${seconds(event.runtime)}s: ${pythonRepr(event.result, RESULT_WIDTH)}`,
        {
          ...fields(request),
          runtime: event.runtime / 1000,
        },
      )
      return
    case 'task-failed':
      if (!log.enabled('error')) return
      log.error(
        `Task ${name(request)} raised unexpected: ${exceptionRepr(event.error)}${below(event.traceback)}`,
        fields(request),
      )
      return
    case 'task-retried': {
      if (!log.enabled('info')) return
      const cause = event.error === undefined ? '' : `: ${exceptionRepr(event.error)}`
      log.info(`Task ${name(request)} retry: Retry in ${seconds(event.delay)}s${cause}`, fields(request))
      return
    }
    case 'task-rejected':
      if (!log.enabled('info')) return
      log.info(`Task ${name(request)} rejected${event.requeue ? ', back to its queue' : ''}`, fields(request))
      return
    case 'task-ignored':
      if (log.enabled('info')) log.info(`Task ${name(request)} ignored`, fields(request))
      return
    case 'task-revoked':
      if (!log.enabled('info')) return
      log.info(revokedLine(request, event.expired, event.terminated), fields(request))
      return
    case 'task-dead-lettered':
      rejections.tell(`Task ${name(request)} is a dead letter (${event.reason}): ${event.detail}`, {
        ...fields(request),
        reason: event.reason,
        queue,
      })
      return
    case 'task-returned':
      if (!log.enabled('warning')) return
      log.warning(`Task ${name(request)} was left to another delivery: ${event.why}`, fields(request))
      return
    default:
      event satisfies never
  }
}

function revokedLine(request: TaskRequest, expired: boolean, terminated: boolean): string {
  if (expired) return `Discarding expired task: ${name(request)}`
  return terminated ? `Terminated task: ${name(request)}` : `Discarding revoked task: ${name(request)}`
}

function name(request: TaskRequest): string {
  return `${request.shadow ?? request.task}[${request.id}]`
}

function eta(at: number | undefined): string {
  return at === undefined ? '' : `  ETA:[${formatIso(at)}]`
}

function seconds(ms: number): string {
  return String(Math.round(ms * 1000) / 1_000_000)
}

function below(traceback: string | undefined): string {
  return traceback === undefined ? '' : `\n${traceback}`
}

function fields(request: TaskRequest): Readonly<Record<string, unknown>> {
  return { taskId: request.id, taskName: request.task }
}
