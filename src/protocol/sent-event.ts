import type { Codec } from './codec.js'
import { decodeTask } from './decode-task.js'
import type { Message } from './message.js'

/** Where a task message went. */
export interface SentTo {
  /** Undefined: to an exchange of the caller's, no queue of ours. */
  readonly queue: string | undefined
  readonly exchange: string
  readonly routingKey: string
}

/**
 * Fields of `task-sent` for a message that was published. Undefined for what is no task message of ours.
 * Source: celery/app/amqp.py `as_task_v2`, `send_task_message`.
 */
export function sentEventFields(
  message: Message,
  to: SentTo,
  codec: Codec,
): Readonly<Record<string, unknown>> | undefined {
  const { headers } = message
  // Version 2 tells everything in its headers: nothing is decoded again.
  const told = headers['argsrepr'] === undefined ? fromBody(message, codec) : fromHeaders(headers)
  return told === undefined ? undefined : { ...told, ...to }
}

function fromHeaders(headers: Message['headers']): Readonly<Record<string, unknown>> {
  return {
    uuid: headers['id'],
    rootId: headers['root_id'],
    parentId: headers['parent_id'],
    name: headers['task'],
    args: headers['argsrepr'],
    kwargs: headers['kwargsrepr'],
    retries: headers['retries'],
    eta: headers['eta'],
    expires: headers['expires'],
  }
}

function fromBody(message: Message, codec: Codec): Readonly<Record<string, unknown>> | undefined {
  const decoded = decodeTask(message, codec)
  if (decoded.kind === 'malformed') return undefined
  const { id, rootId, parentId, task, argsrepr, kwargsrepr, retries } = decoded.request
  return {
    uuid: id,
    rootId,
    parentId,
    name: task,
    args: argsrepr,
    kwargs: kwargsrepr,
    retries,
    eta: undefined,
    expires: undefined,
  }
}
