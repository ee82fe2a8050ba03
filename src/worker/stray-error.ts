import { runningTask } from '../app/current-task.js'
import { LovageError } from '../lib/errors.js'
import type { LogFields } from '../lib/runtime.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { exceptionRepr } from '../protocol/exception-repr.js'

/** How an error escaped: thrown where nobody catches, or a promise that nobody awaited rejected. */
export type StrayErrorKind = 'exception' | 'rejection'

/** What a worker says of an error that nobody caught. */
export interface StrayError {
  readonly level: 'error' | 'critical'
  readonly message: string
  readonly fields: LogFields
  /** It was thrown by our own code, outside any task: a bug, after which nothing is certain. */
  readonly ours: boolean
}

/** Where this package's compiled code lies. */
const OURS = new URL('..', import.meta.url).href

const HOW: Readonly<Record<StrayErrorKind, string>> = {
  exception: 'an exception that nobody caught',
  rejection: 'a rejection that nobody awaited',
}

/** Called where the error surfaces: Node has put back the surroundings that it came from, so the task is known. */
export function strayError(error: unknown, how: StrayErrorKind): StrayError {
  const { error: info, traceback } = exceptionInfoOf(error)
  const what = `${HOW[how]}: ${exceptionRepr(info)}${traceback === undefined ? '' : `\n${traceback}`}`
  const task = runningTask()
  if (task !== undefined) {
    const { id, task: name } = task
    const message = `Task ${name}[${id}] left behind ${what}`
    return { level: 'error', message, fields: { taskId: id, taskName: name }, ours: false }
  }
  if (isOurs(error)) return { level: 'critical', message: `Lovage itself left ${what}`, fields: {}, ours: true }
  return { level: 'error', message: `Code outside any task left ${what}`, fields: {}, ours: false }
}

/** Thrown in our code. What our API refuses its callers with is theirs to handle. */
function isOurs(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof LovageError) return false
  const frame = error.stack?.split('\n').find(line => /^\s+at .*(file:|\/|\\)/.test(line) && !line.includes('node:'))
  return frame?.includes(OURS) === true
}
