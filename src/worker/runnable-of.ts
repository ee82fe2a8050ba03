import type { App } from '../app/app.js'
import type { TaskName } from '../protocol/ids.js'
import type { Runnable } from './execute.js'

/** What runs under a task's name; undefined: it is not registered here. */
export function runnableOf(name: TaskName, app: App): Runnable | undefined {
  const task = app.findTask(name)
  return task === undefined ? undefined : { handler: task.handler, options: app.taskOptions(name) ?? task.options }
}
