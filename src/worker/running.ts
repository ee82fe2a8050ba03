import type { Delivery } from '../brokers/broker.js'
import type { EpochMs } from '../lib/time.js'
import type { Execution } from '../pools/pool.js'
import type { TaskRequest } from '../protocol/request.js'
import type { DeliveryFacts } from './settle-context.js'

/**
 * One delivery on its way through this worker, from admission to its last effect. A second delivery of the same
 * (id, retries) is adopted: its token joins `deliveries`, and whatever verdict the work comes to is given on all (D46).
 */
export interface Running {
  readonly key: string
  readonly request: TaskRequest
  readonly deliveries: Delivery[]
  /** Ack after the outcome. */
  readonly late: boolean
  execution: Execution | undefined
  /** When and in which process user code was entered. */
  started: { readonly at: EpochMs; readonly pid: number } | undefined
  /** Its token was once found lost: it is asked for again before any effect, since a later one may have been adopted (D25). */
  robbed: boolean
  /** The latest claim when it was executed. */
  begunUnder: number | undefined
  /** It has a slot. */
  active: boolean
  /** It runs since before the connection was lost. */
  left: boolean
  /** The verdict that was given on `deliveries`; what is adopted later gets the same at once. */
  verdict: 'ack' | 'requeue' | undefined
  /** Publish ids of what the broker has got of an end that is told after the ack: it may have to be told in several goes (D47). */
  sent: Set<string> | undefined
  /** Those of the goes before this one: they are left out. */
  sentBefore: ReadonlySet<string> | undefined
}

export function newRunning(request: TaskRequest, deliveries: Delivery[], late: boolean): Running {
  return {
    key: attemptKey(request),
    request,
    deliveries,
    late,
    execution: undefined,
    started: undefined,
    robbed: false,
    begunUnder: undefined,
    active: false,
    left: false,
    verdict: undefined,
    sent: undefined,
    sentBefore: undefined,
  }
}

/**
 * `(id, retries)`; how often tasks have replaced each other under the id, each being another task; and which requeue from the
 * dead-letter place, if any: an operator's requeue is a new attempt.
 */
export function attemptKey({ id, retries, replacedTaskNesting, headers }: TaskRequest): string {
  const requeued = headers['lovage_requeued']
  // Most are first attempts: their id alone saves building and hashing another string for each look.
  if (retries === 0 && replacedTaskNesting === 0 && requeued === undefined) return id
  const nesting = replacedTaskNesting === 0 ? '' : `:n${replacedTaskNesting}`
  return `${id}:${retries}${nesting}${typeof requeued === 'string' ? `:${requeued}` : ''}`
}

/** `facts` of one of the deliveries, with the most faults that any of them has had: a copy may have had fewer. */
export function withMostFaults(facts: DeliveryFacts, running: Running): DeliveryFacts {
  let faults = facts.faults
  for (const delivery of running.deliveries) if (delivery.faults > faults) faults = delivery.faults
  if (faults === facts.faults) return facts
  const { queue, exchange, routingKey, enqueuedAt } = facts
  return { queue, exchange, routingKey, faults, enqueuedAt }
}

/** The latest claim among the deliveries: the most that this attempt may write under (D45). */
export function latestClaim(running: Running): number {
  let claim = 0
  for (const delivery of running.deliveries) if (delivery.claim > claim) claim = delivery.claim
  return claim
}
