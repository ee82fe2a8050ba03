import type { ChordPart } from '../backends/backend.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { DeadLetterRecord } from '../protocol/dead-letter.js'
import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'

/*
 * What a worker may do to the world, as data. `settle` lists effects in the order that is the guarantee (reliability
 * §4): store → arrive and publish → emit → ack. worker/perform.ts is the only place that carries them out, one after
 * another, each confirmed before the next. Whatever the instant of a crash, repeating the list from its start under a
 * new delivery leads to the same world: ids are fixed in advance (D43), publishes carry their publish id, parts count
 * once, and a store of an older attempt is refused.
 */
export type Effect =
  /** First of a late-acked list: when the lease is suspect, ask whether the token is still ours; if not, stop here (D25). */
  | { readonly kind: 'check-token' }
  | { readonly kind: 'store'; readonly meta: ResultMeta; readonly ttl: Ms | undefined }
  /** A chord part has ended. Complete → publish the body under its fixed id, then close (D71). */
  | { readonly kind: 'arrive'; readonly part: ChordPart; readonly body: Signature }
  | { readonly kind: 'publish'; readonly task: OutgoingTask }
  | { readonly kind: 'dead-letter'; readonly record: DeadLetterRecord }
  | { readonly kind: 'emit'; readonly event: WorkerEvent }
  | { readonly kind: 'ack' }
  | { readonly kind: 'requeue'; readonly counted: boolean; readonly delay: Ms | undefined }

/** A task message to be published by the worker: a callback, an errback, the next step of a chain, a retry. */
export type OutgoingTask =
  | {
      readonly kind: 'signature'
      /** Arguments already merged, `task_id` already fixed (D43). */
      readonly signature: Signature
      readonly parentId: TaskId | undefined
      readonly rootId: TaskId
      readonly priority: number | undefined
      readonly publishId: string
    }
  | {
      readonly kind: 'retry'
      readonly retries: number
      readonly eta: EpochMs
      readonly args: readonly unknown[] | undefined
      readonly kwargs: Readonly<Record<string, unknown>> | undefined
      readonly publishId: string
    }

/** Celery's event types with our field names; events/ (a later room) puts them on the wire. */
export interface WorkerEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}
