import type { EpochMs } from '../lib/time.js'
import type { QueueName } from './ids.js'

/** Why a message is in `<queue>.dead`. A closed list (D62). */
export type DeadLetterReason =
  | 'malformed'
  | 'undecodable'
  | 'disallowed-content'
  | 'bad-signature'
  | 'unknown-task'
  | 'too-large'
  | 'poison'
  | 'rejected'
  | 'consumer-timeout'
  | 'unsupported-version'
  | 'unroutable-retry'

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
