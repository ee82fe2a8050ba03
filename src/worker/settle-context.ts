import type { TaskPolicy } from '../app/task-options.js'
import type { EpochMs } from '../lib/time.js'
import type { QueueName, TaskName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'

/** Everything `settle` looks at beside the outcome. Values only: the same context and outcome give the same effects. */
export interface SettleContext {
  readonly request: TaskRequest
  readonly policy: TaskPolicy
  /** Acked after the outcome (`acksLate`), or before the start. */
  readonly late: boolean
  /** There is a result backend. */
  readonly keepsResults: boolean
  readonly delivery: DeliveryFacts
  /** Node name of this worker. */
  readonly worker: string
  readonly now: EpochMs
  /** `now` in the app's time zone, as results carry it. */
  readonly dateDone: string
  /** One draw in [0, 1), for jitter. */
  readonly random: number
  readonly inheritPriority: boolean
  /** Is this errback registered here with `errback: 'inline'`? */
  inlineErrback(task: TaskName): boolean
}

export interface DeliveryFacts {
  readonly queue: QueueName
  readonly exchange: string
  readonly routingKey: string
  readonly faults: number
  readonly enqueuedAt: EpochMs | undefined
}
