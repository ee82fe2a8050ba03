import type { Dict } from './dict.js'

/*
 * Arguments of commands that have more than one word, under our names. Values are as they came: the command checks them.
 * Source: celery/worker/control.py.
 */

export function revokeArguments(args: Dict): {
  readonly ids: unknown
  /** Ours: workflows, by the ids of their first tasks. */
  readonly roots: unknown
  readonly terminate: unknown
  readonly signal: unknown
} {
  return { ids: args['task_id'], roots: args['root_id'], terminate: args['terminate'], signal: args['signal'] }
}

export function rateLimitArguments(args: Dict): { readonly task: unknown; readonly rateLimit: unknown } {
  return { task: args['task_name'], rateLimit: args['rate_limit'] }
}

export function timeLimitArguments(args: Dict): {
  readonly task: unknown
  readonly soft: unknown
  readonly hard: unknown
} {
  return { task: args['task_name'], soft: args['soft'], hard: args['hard'] }
}

export function helloArguments(args: Dict): { readonly fromNode: unknown; readonly revoked: unknown } {
  return { fromNode: args['from_node'], revoked: args['revoked'] }
}

export function confArguments(args: Dict): { readonly withDefaults: unknown } {
  return { withDefaults: args['with_defaults'] }
}

/** `more`: queue options, with the names that kombu's `Queue` takes. */
export interface ConsumerArguments {
  readonly queue: unknown
  readonly exchange: unknown
  readonly exchangeType: unknown
  readonly routingKey: unknown
  readonly more: Dict
}

export function consumerArguments(args: Dict): ConsumerArguments {
  const { queue, exchange, exchange_type: exchangeType, routing_key: routingKey, ...more } = args
  return { queue, exchange, exchangeType, routingKey, more }
}

/** A queue option of kombu: what becomes of it here. */
export type QueueOption =
  | {
      readonly kind: 'declaration'
      readonly name: 'durable' | 'autoDelete' | 'exclusive' | 'maxPriority' | 'queueArguments'
    }
  /** An argument of the queue at the broker; `seconds` are sent as ms. */
  | { readonly kind: 'argument'; readonly name: string; readonly seconds: boolean }
  /** Says nothing that a worker could do otherwise. */
  | { readonly kind: 'ignored' }

/** Source: kombu/entity.py `Queue`, kombu/utils/amq_manager.py, kombu/transport/pyamqp.py. */
const QUEUE_OPTIONS: ReadonlyMap<string, QueueOption> = new Map<string, QueueOption>([
  ['durable', { kind: 'declaration', name: 'durable' }],
  ['auto_delete', { kind: 'declaration', name: 'autoDelete' }],
  ['exclusive', { kind: 'declaration', name: 'exclusive' }],
  ['max_priority', { kind: 'declaration', name: 'maxPriority' }],
  ['queue_arguments', { kind: 'declaration', name: 'queueArguments' }],
  ['expires', { kind: 'argument', name: 'x-expires', seconds: true }],
  ['message_ttl', { kind: 'argument', name: 'x-message-ttl', seconds: true }],
  ['max_length', { kind: 'argument', name: 'x-max-length', seconds: false }],
  ['max_length_bytes', { kind: 'argument', name: 'x-max-length-bytes', seconds: false }],
  ['alias', { kind: 'ignored' }],
  ['no_declare', { kind: 'ignored' }],
])

export function queueOption(name: string): QueueOption | undefined {
  return QUEUE_OPTIONS.get(name)
}
