import type { Delivery } from '../brokers/broker.js'
import type { Execution } from '../pools/pool.js'
import type { TaskRequest } from '../protocol/request.js'

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
  /** Its token was once found lost: it is asked for again before any effect, since a later one may have been adopted (D25). */
  robbed: boolean
  /** The verdict that was given on `deliveries`; what is adopted later gets the same at once. */
  verdict: 'ack' | 'requeue' | undefined
}

export function newRunning(request: TaskRequest, deliveries: Delivery[], late: boolean): Running {
  return {
    key: attemptKey(request),
    request,
    deliveries,
    late,
    execution: undefined,
    robbed: false,
    verdict: undefined,
  }
}

/** `(id, retries)`, and which requeue from the dead-letter place, if any: an operator's requeue is a new attempt. */
export function attemptKey(request: TaskRequest): string {
  const requeued = request.headers['lovage_requeued']
  // Most are first attempts: their id alone saves building and hashing another string for each look.
  if (request.retries === 0 && requeued === undefined) return request.id
  return `${request.id}:${request.retries}${typeof requeued === 'string' ? `:${requeued}` : ''}`
}

/** The latest claim among the deliveries: what this attempt may write under (D45). */
export function latestClaim(running: Running): number {
  let claim = 0
  for (const delivery of running.deliveries) if (delivery.claim > claim) claim = delivery.claim
  return claim
}
