import type { EpochMs } from '../lib/time.js'
import type { DeadLetterReason } from '../protocol/dead-letter.js'

/** What becomes of a delivery before any user code sees it (worker/admit.ts decides). */
export type Admission =
  | { readonly kind: 'run' }
  /** Not due yet: keep it until then. */
  | { readonly kind: 'hold'; readonly until: EpochMs }
  /** Never runs: the reason says how it ends. */
  | { readonly kind: 'discard'; readonly why: Discard }
  /** A final state is stored already: perform again what follows the store, then ack (D44). */
  | { readonly kind: 'replay' }
  /** This worker runs or ran it: the running execution adopts the new token (D46). */
  | { readonly kind: 'adopt' }
  /** No such task here: back to the queue, later (D65). */
  | { readonly kind: 'hand-back'; readonly delayMs: number }

export type Discard =
  | { readonly kind: 'expired' }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'unknown-task' }
  | { readonly kind: 'poison'; readonly faults: number }
  | { readonly kind: 'malformed'; readonly reason: DeadLetterReason; readonly detail: string }
