import type { App } from '../app/app.js'
import { PROGRESS_STATE } from '../app/task-context.js'
import type { ResultBackend } from '../backends/backend.js'
import type { CallAsks } from '../pools/call-control.js'
import { storeState } from './store-state.js'
import type { TaskNews } from './task-news.js'

/** How a worker answers what its running calls want, wherever they run. */
export function callAsks(app: App, backend: ResultBackend | undefined, news: Pick<TaskNews, 'tellOwn'>): CallAsks {
  return {
    storeState: (call, state, meta) => {
      // Also where no result is kept: monitors may listen.
      if (state === PROGRESS_STATE) news.tellOwn(call, 'task-progress', { ...(meta as object) }, 'with-others')
      return storeState(call, state, meta, app, backend)
    },
    sendEvent: (call, type, fields) => news.tellOwn(call, type, fields, 'always'),
  }
}
