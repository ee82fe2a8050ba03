import type { ReplyAddress } from '../backends/backend.js'
import type { TaskId } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'

/**
 * Where the result of `id` is wanted. A later step of the request's chain is waited for by the same client, under its own
 * id. Source: celery/backends/rpc.py `destination_for`.
 */
export function replyAddress(request: TaskRequest, id: TaskId): ReplyAddress | undefined {
  const { replyTo, correlationId } = request
  if (replyTo === undefined || replyTo === '') return undefined
  return { queue: replyTo, correlationId: id === request.id ? correlationId : undefined }
}
