/*
 * What workers of Celery and Lovage answer to remote control, as it stands on the wire: programs that look at both kinds of
 * workers find the same members under Celery's names. Workers of other versions may leave members out.
 * Source: celery/worker/control.py, celery/worker/request.py `Request.info`, celery/worker/worker.py `stats`.
 */

/** The worker could not do it, or did not know what was meant: `ValueError('…')`, or a sentence. */
export interface ControlFailure {
  readonly error: string
}

export type ControlAnswer = { readonly ok: string } | ControlFailure

export interface RequestInfo {
  readonly id: string
  /** The task's name, or its `shadow`. */
  readonly name: string
  readonly args: readonly unknown[] | string
  readonly kwargs: Readonly<Record<string, unknown>> | string
  readonly type: string
  readonly hostname: string
  /** Epoch seconds; null = not begun. */
  readonly time_start: number | null
  readonly acknowledged: boolean
  readonly delivery_info: {
    readonly exchange: string | null
    readonly routing_key: string | null
    readonly priority: number | null
    readonly redelivered: boolean | null
  }
  readonly worker_pid: number | null
}

export interface ScheduledInfo {
  /** ISO 8601. */
  readonly eta: string | null
  readonly priority: number
  readonly request: RequestInfo
}

/** By task id: its state in this worker, and what it is. */
export type QueryTaskReply = Readonly<
  Record<string, readonly [state: 'active' | 'reserved' | 'ready', info: RequestInfo]>
>

export interface WorkerStats {
  /** Tasks accepted since the start, by name. */
  readonly total: Readonly<Record<string, number>>
  readonly pid: number
  readonly clock: string
  /** Seconds. */
  readonly uptime: number
  /** Members depend on the pool; `max-concurrency` and `implementation` are always there. */
  readonly pool: Readonly<Record<string, unknown>>
  readonly broker: Readonly<Record<string, unknown>>
  readonly prefetch_count: number
  readonly rusage: Readonly<Record<string, number>> | string
  readonly autoscaler?: {
    readonly max: number
    readonly min: number
    readonly current: number
    readonly qty: number
  }
}

export interface ActiveQueueInfo {
  readonly name: string
  readonly exchange: Readonly<Record<string, unknown>>
  readonly routing_key: string
  readonly queue_arguments: Readonly<Record<string, unknown>> | null
  readonly binding_arguments: Readonly<Record<string, unknown>> | null
  readonly consumer_arguments: Readonly<Record<string, unknown>> | null
  readonly durable: boolean
  readonly exclusive: boolean
  readonly auto_delete: boolean
  readonly no_ack: boolean
  readonly alias: string | null
  readonly bindings: readonly unknown[]
  readonly no_declare: boolean | null
  readonly expires: number | null
  readonly message_ttl: number | null
  readonly max_length: number | null
  readonly max_length_bytes: number | null
  readonly max_priority: number | null
}

/** Answer of `hello`: what a neighbour knows. Null: it asked itself. */
export interface HelloReply {
  readonly revoked: unknown
  readonly clock: number
}
