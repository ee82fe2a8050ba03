import type { Ms } from '../lib/time.js'

export interface PrefetchFacts {
  readonly concurrency: number
  /** `workerPrefetchMultiplier`; 0 = no limit. */
  readonly multiplier: number
  /** Deliveries waiting here for their eta: they hold a place in the window without needing a slot. */
  readonly held: number
  /** `workerEtaTaskLimit`: no more places are added beyond so many held ones. */
  readonly etaTaskLimit: number | undefined
}

/** Most that AMQP can say; beyond it means "no limit" there, which nobody wants by accident. */
export const MAX_PREFETCH = 65_535

/**
 * How many unsettled deliveries the broker may have out here: concurrency × multiplier, plus one for each held one.
 * 0 = no limit. Source: celery/worker/components.py Consumer.create, kombu/common.py QoS.
 */
export function prefetchCount(facts: PrefetchFacts): number {
  if (facts.multiplier === 0) return 0
  const held = facts.etaTaskLimit === undefined ? facts.held : Math.min(facts.held, facts.etaTaskLimit)
  return Math.min(MAX_PREFETCH, facts.concurrency * facts.multiplier + held)
}

/** How soon a changed count is told to the broker: many changes of one moment become one call. */
export const PREFETCH_DELAY: Ms = 10
