import type { EpochMs, Ms } from '../lib/time.js'
import type { ResultMeta } from '../protocol/result-meta.js'

/** What becomes of a delivery before any user code sees it. worker/admit.ts decides, worker/intake.ts obeys. */
export type Admission =
  | { readonly kind: 'run' }
  /** Not due yet: keep it until then. */
  | { readonly kind: 'hold'; readonly until: EpochMs }
  /** Not due for long: give it back to a store that keeps delayed messages itself. */
  | { readonly kind: 'park'; readonly delay: Ms }
  /** Its task has a limit: wait here for its turn, which may have come already. */
  | { readonly kind: 'throttle' }
  /** Its turn is far off: give it back to a store that keeps delayed messages itself; it is looked at again after that. */
  | { readonly kind: 'postpone'; readonly delay: Ms }
  /** A redelivered message of a task with results: ask the backend first, then decide again (D44). */
  | { readonly kind: 'consult' }
  /** What is stored says that it ended, or that its retry was decided: perform what follows the store, then ack (D44, D51). */
  | { readonly kind: 'replay'; readonly stored: ResultMeta }
  /** This worker runs it right now: the execution takes over the new token (D46). */
  | { readonly kind: 'adopt' }
  /** This worker finished it lately and performed everything that follows: only the ack is missing (D46). */
  | { readonly kind: 'finished' }
  /** No such task here: back to the queue for others, later (D65). */
  | { readonly kind: 'hand-back'; readonly delay: Ms }
  /** It never runs. */
  | { readonly kind: 'discard'; readonly why: Discard }

export type Discard =
  | { readonly kind: 'expired' }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'unknown-task' }
  | { readonly kind: 'poison'; readonly faults: number }
