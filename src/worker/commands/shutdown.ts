import { NO_REPLY } from '../../control/command-table.js'
import type { Dict } from '../../protocol/dict.js'
import type { WorkerView } from './worker-view.js'

/** Ends the worker warmly. Nobody is answered, as Celery answers nobody. */
export function shutdown(worker: Pick<WorkerView, 'runtime' | 'shutDown'>, args: Dict): unknown {
  const { msg } = args
  worker.runtime.log.warning(typeof msg === 'string' ? msg.slice(0, 1000) : 'Got shutdown from remote')
  worker.shutDown()
  return NO_REPLY
}
