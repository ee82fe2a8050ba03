import type { RegisteredTask } from './task.js'
import type { TaskOptions } from './task-options.js'

/** A registered task, as far as running it goes. */
export type Runnable = Pick<RegisteredTask, 'handler' | 'options'>

/** The tasks of an app, with the options that annotations give them. */
interface TaskBook {
  findTask(name: string): RegisteredTask | undefined
  taskOptions(name: string): TaskOptions | undefined
}

/** What runs under a task's name; undefined: it is not registered here. */
export function runnableOf(name: string, app: TaskBook): Runnable | undefined {
  const task = app.findTask(name)
  return task === undefined ? undefined : { handler: task.handler, options: app.taskOptions(name) ?? task.options }
}
