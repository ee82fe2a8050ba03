import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'

/**
 * What `watch` says of a stored record that cannot be read (M46): a failure by name and text, so that whoever waits for
 * this id hears of it while the others who are watched together wait on. `fetch` rejects with the error itself.
 */
export function unreadableRecord(taskId: TaskId, error: Error): ResultMeta {
  return {
    taskId,
    status: 'FAILURE',
    result: undefined,
    error: { type: error.name, args: [error.message], module: null },
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
  }
}
