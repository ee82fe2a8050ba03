import { AsyncLocalStorage } from 'node:async_hooks'
import { LovageError } from '../lib/errors.js'
import type { TaskContext } from './task-context.js'

/**
 * The one object that lives in a module: a handler is a plain function and must find its context without being handed
 * anything. It holds nothing by itself; each running task sees only its own context, whichever app it belongs to.
 */
const running = new AsyncLocalStorage<TaskContext>()

/** The task that is running here. Throws `LVG_NO_CURRENT_TASK` outside one. */
export function currentTask(): TaskContext {
  const context = running.getStore()
  if (context !== undefined) return context
  throw new LovageError(
    'LVG_NO_CURRENT_TASK',
    'currentTask() was called outside a running task. Call it inside a handler that a worker runs; where code runs both ways, use runningTask().',
  )
}

/** The task that is running here, or undefined. */
export function runningTask(): TaskContext | undefined {
  return running.getStore()
}

/** Calls `fn` with `context` as the current task, for everything it starts. */
export function runInTask<T>(context: TaskContext, fn: () => T): T {
  return running.run(context, fn)
}
