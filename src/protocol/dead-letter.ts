import type { EpochMs } from '../lib/time.js'
import { type QueueName, queueName } from './ids.js'
import type { Headers, Message } from './message.js'

export const DEAD_LETTER_REASONS = [
  'malformed',
  'undecodable',
  'disallowed-content',
  'bad-signature',
  'unknown-task',
  'too-large',
  'poison',
  'rejected',
  'consumer-timeout',
  'unsupported-version',
  'unroutable-retry',
] as const

/** Why a message is in `<queue>.dead`. A closed list (D62). */
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number]

/** What is known of a dead message beside its own bytes (D61). */
export interface DeadLetterRecord {
  readonly reason: DeadLetterReason
  readonly detail: string
  readonly queue: QueueName
  readonly exchange: string
  readonly routingKey: string
  /** Deliveries that ended in a fault. */
  readonly deliveries: number
  readonly firstSeen: EpochMs | undefined
  readonly diedAt: EpochMs
  readonly worker: string
}

/** The header that holds the record. */
export const DEAD_LETTER_HEADER = 'lovage_dead'

/** The dead-letter place of a queue (D61). Throws `ProtocolError` when the name gets longer than L06 allows. */
export function deadQueue(queue: QueueName): QueueName {
  return queueName(`${queue}.dead`)
}

/**
 * The dead message with its record in one more header. Body, properties and headers stay as they are, but for a
 * per-message TTL, which would let the broker drop what is to be kept: that moves into the record.
 */
export function toDeadLetter(message: Message, record: DeadLetterRecord): Message {
  const { expiration, ...properties } = message.properties
  const previous = message.headers[DEAD_LETTER_HEADER]
  const dead = {
    reason: record.reason,
    detail: record.detail,
    queue: record.queue,
    exchange: record.exchange,
    routing_key: record.routingKey,
    deliveries: record.deliveries,
    first_seen: record.firstSeen ?? null,
    died_at: record.diedAt,
    worker: record.worker,
    ...(expiration === undefined ? undefined : { expiration }),
    ...(previous === undefined ? undefined : { previous }),
  }
  return { headers: { ...message.headers, [DEAD_LETTER_HEADER]: dead }, properties, body: message.body }
}

/** The message as it was published, byte for byte, and its record (I16). Undefined for a message that `toDeadLetter` did not make. */
export function fromDeadLetter(
  message: Message,
): { readonly message: Message; readonly record: DeadLetterRecord } | undefined {
  const { [DEAD_LETTER_HEADER]: dead, ...headers } = message.headers
  if (typeof dead !== 'object' || dead === null) return undefined
  const fields = dead as Headers
  const record = recordOf(fields)
  if (record === undefined) return undefined
  const { previous } = fields
  const expiration = typeof fields['expiration'] === 'string' ? fields['expiration'] : undefined
  return {
    message: {
      headers: previous === undefined ? headers : { ...headers, [DEAD_LETTER_HEADER]: previous },
      properties: expiration === undefined ? message.properties : { ...message.properties, expiration },
      body: message.body,
    },
    record,
  }
}

function recordOf(fields: Headers): DeadLetterRecord | undefined {
  const { reason, detail, queue, exchange, routing_key: routingKey, deliveries, first_seen: firstSeen, worker } = fields
  const diedAt = fields['died_at']
  if (
    !DEAD_LETTER_REASONS.includes(reason as DeadLetterReason) ||
    typeof queue !== 'string' ||
    typeof diedAt !== 'number'
  )
    return undefined
  return {
    reason: reason as DeadLetterReason,
    detail: textOf(detail),
    queue: queue as QueueName,
    exchange: textOf(exchange),
    routingKey: textOf(routingKey),
    deliveries: typeof deliveries === 'number' ? deliveries : 0,
    firstSeen: typeof firstSeen === 'number' ? firstSeen : undefined,
    diedAt,
    worker: textOf(worker),
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
