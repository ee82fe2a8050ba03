import type { Address, Queue } from '../brokers/broker.js'
import type { EpochMs } from '../lib/time.js'
import type { Codec } from '../protocol/codec.js'
import { encodeTask } from '../protocol/encode-task.js'
import { nameProblem, type TaskId } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import type { Signature } from '../protocol/signature.js'
import type { CallOptions } from './call-options.js'
import { type CallWorld, composeCall, type Lineage } from './compose-call.js'
import type { PublishIds } from './publish-ids.js'
import { callOptionsOf } from './set-options.js'

/** A message on its way out, with all that publishing needs to know. */
export interface Outgoing {
  readonly message: Message
  readonly to: Address
  /** To be declared first, once per connection. */
  readonly queue: Queue | undefined
  /** Names this act of publishing: repeated with the same one it inserts nothing (D05). */
  readonly publishId: string
  /** The task's eta, for brokers that keep delayed messages themselves. */
  readonly notBefore: EpochMs | undefined
  /** As `PublishOptions.mandatory`. */
  readonly mandatory?: false
  /** Names the answer that only this act of publishing can have: an id that was drawn for it, and nobody's before. */
  readonly answeredAs?: TaskId
}

export interface OutgoingWorld extends CallWorld {
  readonly codec: Codec
  readonly publishIds: PublishIds
}

/** Who causes a publish inside a worker. What is set here wins over the signature's own options. */
export interface OutgoingContext extends Lineage {
  /** Default: drawn. */
  readonly publishId?: string | undefined
}

/**
 * The message of a signature whose arguments are merged already: a callback, an errback, the next step of a chain.
 * Throws `EncodeError` and what routing throws.
 */
export function outgoing(world: OutgoingWorld, signature: Signature, context: OutgoingContext): Outgoing {
  const options = callOptionsOf(signature)
  const { rootId = options.rootId, parentId = options.parentId } = context
  const kwargs = signature.kwargs
  return outgoingCall(world, signature.task, signature.args, { ...options, kwargs, rootId, parentId }, context).outgoing
}

export interface OutgoingCall {
  readonly id: TaskId
  readonly rootId: TaskId
  readonly outgoing: Outgoing
}

/** The message of a call. `options` have been checked by name. Throws `EncodeError`, `LVG_BAD_OPTION` and what routing throws. */
export function outgoingCall(
  world: OutgoingWorld,
  name: string,
  args: readonly unknown[],
  options: CallOptions,
  context: OutgoingContext,
): OutgoingCall {
  const { call, destination } = composeCall(world, name, args, options, context)
  const publishId = context.publishId ?? world.publishIds.draw()
  return {
    id: call.id,
    rootId: call.rootId ?? call.id,
    outgoing: {
      message: identified(encodeTask(call, world.codec, world.limits), publishId),
      to: destination.to,
      queue: destination.queue,
      publishId,
      notBefore: call.eta,
      ...(options.taskId === undefined && { answeredAs: call.id }),
    },
  }
}

/**
 * The message carries the name of its publishing, so that who receives it can tell a second copy of it from another one
 * with the same task id (D05, D46). Names that AMQP has no room for are left out.
 */
function identified(message: Message, publishId: string): Message {
  if (nameProblem(publishId) !== undefined) return message
  return { ...message, properties: { ...message.properties, messageId: publishId } }
}
