import { type RequestInfo, requestInfoToDict, scheduledToDict } from '../../protocol/command-replies.js'
import type { Dict } from '../../protocol/dict.js'
import type { HeldTask } from './worker-view.js'

/** One held task as monitors see it. `safe`: texts in the place of arguments. */
export function requestInfo(task: HeldTask, hostname: string, { safe }: { readonly safe: boolean }): Dict {
  return requestInfoToDict(infoOf(task, hostname, safe))
}

export function scheduledInfo(task: HeldTask, hostname: string): Dict {
  return scheduledToDict(task.running.request.eta ?? 0, infoOf(task, hostname, false))
}

function infoOf({ running }: HeldTask, hostname: string, safe: boolean): RequestInfo {
  const { request, started } = running
  const delivery = running.deliveries.at(-1)
  return {
    id: request.id,
    name: request.shadow ?? request.task,
    type: request.task,
    args: safe ? request.argsrepr : request.args,
    kwargs: safe ? request.kwargsrepr : request.kwargs,
    hostname,
    startedAt: started?.at,
    acknowledged: running.verdict === 'ack',
    exchange: delivery?.exchange ?? '',
    routingKey: delivery?.routingKey ?? '',
    priority: request.priority,
    redelivered: delivery?.redelivered ?? false,
    pid: started?.pid,
  }
}
