import type { DeadLetterReason } from '../../protocol/dead-letter.js'
import type { Kwargs } from '../../protocol/signature.js'

/**
 * Where a task stands. `waiting`: in a queue, or held for its eta. `retrying`: to run again. `lost`: the worker that had
 * acknowledged it early crashed.
 */
export type RecordedState =
  | 'waiting'
  | 'running'
  | 'retrying'
  | 'succeeded'
  | 'failed'
  | 'ignored'
  | 'rejected'
  | 'revoked'
  | 'lost'

/** A task that was published in a test cluster, by whomever, and what became of it. */
export interface RecordedTask {
  readonly id: string
  readonly name: string
  /** As published; a retry may change them. */
  readonly args: readonly unknown[]
  readonly kwargs: Kwargs
  readonly state: RecordedState
  /** The queue it was routed to; the first of several. */
  readonly queue: string
  /** Custom headers of the message. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly priority: number | undefined
  /** All times are virtual. */
  readonly publishedAt: Date
  /** Not before: of the latest message. */
  readonly eta: Date | undefined
  readonly expires: Date | undefined
  /** The task that published it. */
  readonly parentId: string | undefined
  /** One per entry of the handler. */
  readonly runs: readonly RecordedRun[]
  readonly retries: readonly RecordedRetry[]
  /** What it returned, once it has succeeded. */
  readonly value: unknown
  /** What it failed with, or what its latest retry is due to: the very error that was thrown, where a handler threw it. */
  readonly error: unknown
}

/** Once through the handler. */
export interface RecordedRun {
  /** `w1`, … */
  readonly worker: string
  /** 0 for the first attempt. */
  readonly retries: number
  readonly redelivered: boolean
  readonly startedAt: Date
  readonly endedAt: Date | undefined
  /** `abandoned`: its worker crashed or stopped, or its hard time limit came. */
  readonly outcome: 'running' | 'returned' | 'threw' | 'abandoned'
  /** What was thrown. */
  readonly error: unknown
}

export interface RecordedRetry {
  /** When it was decided. */
  readonly at: Date
  /** When the next attempt is due. */
  readonly eta: Date | undefined
  readonly error: unknown
}

/** A message in a dead-letter place. */
export interface RecordedDeadLetter {
  readonly id: string | undefined
  readonly name: string | undefined
  /** Where it came from. */
  readonly queue: string
  readonly reason: DeadLetterReason
  readonly detail: string
  readonly at: Date
}
