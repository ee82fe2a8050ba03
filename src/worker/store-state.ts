import type { App } from '../app/app.js'
import { TASK_LOG_STATE, taskLogId } from '../app/task-log.js'
import type { ResultBackend } from '../backends/backend.js'
import type { Call } from '../pools/pool.js'
import { attemptNumber } from '../protocol/attempt-number.js'
import type { TaskRequest } from '../protocol/request.js'
import type { State } from '../protocol/result-meta.js'
import { replyAddress } from './reply-address.js'

/** A state of the handler's choosing; of no effect where results are ignored or there is no backend. */
export async function storeState(
  { request, claim }: Call,
  state: State,
  meta: unknown,
  app: App,
  backend: ResultBackend | undefined,
): Promise<void> {
  if (state === TASK_LOG_STATE) return storeLog(request, meta, app, backend)
  const policy = app.policy(request.task)
  if (backend === undefined || (request.ignoreResult ?? policy.ignoreResult)) return
  const record = {
    taskId: request.id,
    status: state,
    result: meta,
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
    ...(request.group === undefined ? {} : { groupId: request.group }),
    ...(request.parentId === undefined ? {} : { parentId: request.parentId }),
    ...(request.replacedTaskNesting === 0 ? {} : { nesting: request.replacedTaskNesting }),
  }
  const fence = { retries: attemptNumber(request), claim }
  await backend.store(record, { ttl: policy.resultExpires, fence, reply: replyAddress(request, request.id) })
}

/** The last lines of a task, which live as long as its result. */
async function storeLog(
  { id }: TaskRequest,
  lines: unknown,
  app: App,
  backend: ResultBackend | undefined,
): Promise<void> {
  const taskId = taskLogId(id)
  if (backend === undefined || taskId === undefined) return
  const none = { error: undefined, traceback: undefined, children: undefined, dateDone: undefined }
  const record = { taskId, status: TASK_LOG_STATE, result: lines, ...none }
  await backend.store(record, { ttl: app.settings.resultExpires, fence: undefined })
}
