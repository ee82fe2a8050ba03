import type { ChordPart } from '../backends/backend.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { ChordEnd } from '../protocol/chord-memo.js'
import type { DeadLetterRecord } from '../protocol/dead-letter.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ExceptionInfo, ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'

/*
 * What a worker may do to the world, as data. `settle` lists effects in the order that is the guarantee (reliability
 * §4): store → arrive and publish → emit → ack. worker/perform.ts is the only place that carries them out, one after
 * another, each confirmed before the next. Whatever the instant of a crash, repeating the list from its start under a
 * new delivery leads to the same world: ids are fixed in advance (D43), publishes carry their publish id, parts count
 * once, and a store of an older attempt is refused.
 */
export type Effect =
  /** First, while the message is unacked: when the lease is suspect, ask whether the token is still ours; if not, stop here (D25). */
  | { readonly kind: 'check-token' }
  /** `own`: the record of the task itself, under its attempt's fence; otherwise of a task that will never run. */
  | { readonly kind: 'store'; readonly meta: ResultMeta; readonly ttl: Ms | undefined; readonly own: boolean }
  /** A chord part has ended. Complete → publish the body under its fixed id, then close (D71). */
  | { readonly kind: 'arrive'; readonly part: ChordPart; readonly body: Signature; readonly ttl: Ms | undefined }
  /** Before the header of a chord is published: so many arrivals complete it. `header`: its results, groups within. */
  | {
      readonly kind: 'open-chord'
      readonly chord: GroupId
      readonly parts: number
      readonly body: Signature
      readonly header: readonly ResultTuple[]
      readonly ends: readonly ChordEnd[]
      readonly ttl: Ms | undefined
    }
  /** After the body of a complete chord, or its error, is out. */
  | { readonly kind: 'close-chord'; readonly chord: ChordPart['chord'] }
  | { readonly kind: 'publish'; readonly task: OutgoingTask }
  /** An errback that is registered here as inline: called at once, its errors logged and swallowed. */
  | {
      readonly kind: 'errback'
      readonly signature: Signature
      readonly error: ExceptionInfo
      readonly traceback: string | undefined
    }
  | { readonly kind: 'dead-letter'; readonly record: DeadLetterRecord; readonly publishId: string }
  | { readonly kind: 'emit'; readonly event: TaskEvent }
  | { readonly kind: 'ack' }
  | { readonly kind: 'requeue'; readonly counted: boolean; readonly delay: Ms | undefined }

/** A task message to be published by the worker: a callback, an errback, the next step of a chain, a retry. */
export type OutgoingTask =
  | {
      readonly kind: 'signature'
      /** Arguments merged, `task_id` fixed (D43). */
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

/**
 * What happened to a task, under Celery's event names. Log lines and extensions read them; the events room puts them
 * on the wire.
 */
export type TaskEvent =
  | { readonly type: 'task-received'; readonly eta: EpochMs | undefined }
  | { readonly type: 'task-started'; readonly pid: number }
  | { readonly type: 'task-succeeded'; readonly result: unknown; readonly runtime: Ms }
  | { readonly type: 'task-failed'; readonly error: ExceptionInfo; readonly traceback: string | undefined }
  | {
      readonly type: 'task-retried'
      readonly error: ExceptionInfo | undefined
      readonly traceback: string | undefined
      readonly delay: Ms
    }
  | { readonly type: 'task-rejected'; readonly requeue: boolean }
  | { readonly type: 'task-ignored' }
  | {
      readonly type: 'task-revoked'
      readonly terminated: boolean
      readonly expired: boolean
      readonly signal: string | undefined
    }
  | { readonly type: 'task-dead-lettered'; readonly reason: string; readonly detail: string }
  | { readonly type: 'task-returned'; readonly why: string }
