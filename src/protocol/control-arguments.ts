/*
 * Arguments of control commands as Celery's client sends them, members and order included: other workers take them by these
 * names. Source: celery/app/control.py `Control`, `Inspect`.
 */

export type WireArguments = Readonly<Record<string, unknown>>

export interface AddConsumerOptions {
  readonly exchange?: string
  /** Default `direct`. */
  readonly exchangeType?: string
  readonly routingKey?: string
  /** Further options of the queue, in the words of the wire: `{ durable: false, queue_arguments: {…} }`. */
  readonly options?: WireArguments
}

export interface PoolRestartOptions {
  /** Modules to load again. */
  readonly modules?: readonly string[]
  readonly reload?: boolean
}

export const controlArguments = {
  revoke: (taskId: string | readonly string[], terminate: boolean, signal: string): WireArguments => ({
    task_id: taskId,
    terminate,
    signal,
  }),
  /** Celery's workers take no notice of `root_id`, and revoke the ids. */
  revokeByRoot: (
    roots: readonly string[],
    ids: readonly string[],
    terminate: boolean,
    signal: string,
  ): WireArguments => ({ task_id: ids, terminate, signal, root_id: roots }),
  revokeByStampedHeaders: (headers: WireArguments, terminate: boolean, signal: string): WireArguments => ({
    headers,
    terminate,
    signal,
  }),
  rateLimit: (taskName: string, rateLimit: string | number | null): WireArguments => ({
    task_name: taskName,
    rate_limit: rateLimit,
  }),
  timeLimit: (taskName: string, soft: number | null, hard: number | null): WireArguments => ({
    task_name: taskName,
    hard,
    soft,
  }),
  addConsumer: (queue: string, given: AddConsumerOptions): WireArguments => ({
    queue,
    exchange: given.exchange ?? null,
    exchange_type: given.exchangeType ?? 'direct',
    routing_key: given.routingKey ?? null,
    ...given.options,
  }),
  poolRestart: (given: PoolRestartOptions): WireArguments => ({
    modules: given.modules ?? null,
    reload: given.reload ?? false,
    reloader: null,
  }),
  election: (id: string, topic: string, action: unknown): WireArguments => ({ id, topic, action: action ?? null }),
  conf: (withDefaults: boolean): WireArguments => ({ with_defaults: withDefaults }),
  registered: (attributes: readonly string[]): WireArguments => ({ taskinfoitems: attributes }),
  queryTask: (ids: readonly string[]): WireArguments => ({ ids }),
  hello: (fromNode: string, revoked: unknown): WireArguments => ({ from_node: fromNode, revoked: revoked ?? null }),
  objgraph: (type: string, num: number, maxDepth: number): WireArguments => ({ num, max_depth: maxDepth, type }),
} as const
