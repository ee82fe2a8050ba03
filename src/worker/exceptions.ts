import type { Ms } from '../lib/time.js'
import type { TaskId, TaskName } from '../protocol/ids.js'
import type { ExceptionInfo } from '../protocol/result-meta.js'

/*
 * The exceptions a worker itself stores, as Celery spells them, so that a Python client catches the class it knows.
 * Source: celery/exceptions.py, billiard/exceptions.py, celery/worker/request.py.
 */

const CELERY = 'celery.exceptions'
const BILLIARD = 'billiard.exceptions'

export const softTimeLimitExceeded: ExceptionInfo = { type: 'SoftTimeLimitExceeded', args: [], module: BILLIARD }

export function timeLimitExceeded(limit: Ms): ExceptionInfo {
  return { type: 'TimeLimitExceeded', args: [limit / 1000], module: BILLIARD }
}

export function workerLost(exit: string): ExceptionInfo {
  return { type: 'WorkerLostError', args: [`Worker exited prematurely: ${exit}.`], module: BILLIARD }
}

export const workerShutdown: ExceptionInfo = {
  type: 'WorkerShutdown',
  args: ['The worker was shut down while the task ran.'],
  module: CELERY,
}

export function taskRevoked(why: 'revoked' | 'expired' | 'terminated'): ExceptionInfo {
  return { type: 'TaskRevokedError', args: [why], module: CELERY }
}

export function notRegistered(task: TaskName): ExceptionInfo {
  return { type: 'NotRegistered', args: [task], module: CELERY }
}

export function rejected(reason: string): ExceptionInfo {
  return { type: 'Reject', args: [reason, false], module: CELERY }
}

/** Ours: no Python process has the class, so a reader makes one of this name (results.md §1.1). */
export function poisonTask(faults: number, worker: string): ExceptionInfo {
  const text = `Delivered ${faults} times and never finished; not executed again (last refused by ${worker}).`
  return { type: 'PoisonTaskError', args: [text], module: null }
}

export function maxRetriesExceeded(task: TaskName, id: TaskId, args: string, kwargs: string): ExceptionInfo {
  const text = `Can't retry ${task}[${id}] args:${args} kwargs:${kwargs}`
  return { type: 'MaxRetriesExceededError', args: [text], module: CELERY }
}
