import type { EpochMs, Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { MessageColumns } from '../virtual/message-columns.js'

/* What crosses between a session and its operations: plain data, a column per part where there may be many. */

export interface StoreConfig {
  /** Name of the holder, for people. */
  readonly name: string
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly sweepMs: Ms
  /** One 64-bit integer: kernel monotonic ms up to which our tokens are certainly ours; 0 = none held yet (D25). */
  readonly trust: SharedArrayBuffer
}

export interface PushColumns extends MessageColumns {
  readonly publishIds: readonly string[]
  readonly exchanges: readonly string[]
  readonly routingKeys: readonly string[]
  readonly priorities: readonly number[]
  readonly notBefore: readonly (EpochMs | undefined)[]
}

export type PushKind = 'accepted' | 'duplicate' | 'unroutable'

export interface ClaimArgs {
  readonly queues: readonly QueueName[]
  readonly limit: number
}

export interface ClaimColumns extends MessageColumns {
  readonly ids: readonly number[]
  /** The claim number in each row, half of its token. */
  readonly rowClaims: readonly number[]
  /** Each message's own place in the order of claims. */
  readonly claims: readonly number[]
  readonly queues: readonly QueueName[]
  readonly exchanges: readonly string[]
  readonly routingKeys: readonly string[]
  readonly deliveries: readonly number[]
  readonly faults: readonly number[]
  readonly begun: readonly boolean[]
  readonly enqueuedAt: readonly EpochMs[]
}

/** Messages that were not due yet, and when they would have been. */
export interface DelayedColumns {
  readonly columns: ClaimColumns
  readonly dues: readonly EpochMs[]
}

export interface TokenColumns {
  readonly ids: readonly number[]
  readonly claims: readonly number[]
}

export interface VerdictColumns extends TokenColumns {
  /** Undefined: ack. No column at all: acks only, as nearly always. */
  readonly others: readonly (StoredRequeue | 'begin' | undefined)[] | undefined
}

export interface StoredRequeue {
  readonly counted: boolean
  readonly delay: Ms | undefined
}

/** Asks to be told when one of the queues may be claimable; `ticket` names this wish in the event. */
export interface SleepArgs {
  readonly ticket: number
  readonly queues: readonly QueueName[]
}

export type StoreEvent =
  | { readonly kind: 'awake'; readonly ticket: number }
  /** A sweep of another session took our messages back (D23). */
  | { readonly kind: 'robbed' }
