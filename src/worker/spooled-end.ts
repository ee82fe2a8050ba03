import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'

/** How an early-acked task ended that could not be told in time; all that follows is known from it (settle.ts, `settleSpooled`). */
export type SpooledEnd =
  /** Stored once it can be. */
  | { readonly kind: 'record'; readonly meta: ResultMeta }
  /** The task has no end of its own: `by` is to run in its place. */
  | { readonly kind: 'replaced'; readonly taskId: TaskId; readonly by: Signature }
