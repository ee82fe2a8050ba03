import type { QueueName } from '../../protocol/ids.js'
import { decodeEnvelope } from '../../protocol/kombu-envelope.js'
import type { Claimed, Token } from '../virtual/queue-store.js'

/** What is no envelope (M38) comes as a message of nothing but its bytes: whoever decodes it finds it malformed. */
export function claimedOf(
  bytes: Buffer,
  at: { readonly queue: QueueName; readonly token: Token; readonly claim: number },
): Claimed {
  const envelope = decodeEnvelope(bytes)
  if (envelope === undefined) {
    const message = { headers: {}, properties: {}, body: bytes }
    const unknown = { redelivered: false, faults: 0, begun: false, enqueuedAt: undefined }
    return { ...at, ...unknown, message, exchange: '', routingKey: at.queue }
  }
  const { message, exchange, routingKey, redelivered, faults, begun, publishedAt } = envelope
  return {
    token: at.token,
    message,
    queue: at.queue,
    exchange,
    routingKey,
    redelivered,
    faults,
    begun: begun !== undefined,
    claim: at.claim,
    enqueuedAt: publishedAt,
  }
}
