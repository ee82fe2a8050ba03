import type { TaskId, TaskName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'

/** The request of a task whose message nobody has any more: no more than what is known of it. */
export function unheardRequest(id: TaskId, rootId: TaskId, priority: number | undefined): TaskRequest {
  return {
    protocol: 2,
    id,
    // Named by nobody: it only stands behind what follows it.
    task: 'unknown' as TaskName,
    args: [],
    kwargs: {},
    lang: undefined,
    shadow: undefined,
    eta: undefined,
    expires: undefined,
    retries: 0,
    timeLimit: undefined,
    softTimeLimit: undefined,
    rootId,
    parentId: undefined,
    group: undefined,
    groupIndex: undefined,
    argsrepr: '()',
    kwargsrepr: '{}',
    origin: undefined,
    ignoreResult: undefined,
    replacedTaskNesting: 0,
    stampedHeaders: undefined,
    stamps: {},
    headers: {},
    callbacks: [],
    errbacks: [],
    chain: [],
    chord: undefined,
    replyTo: undefined,
    correlationId: undefined,
    priority,
    message: { headers: {}, properties: {}, body: new Uint8Array() },
  }
}
