import type { Ms } from '../lib/time.js'

export interface PrefetchFacts {
  /** Slots; with autoscale the most there may be. */
  readonly concurrency: number
  /** `workerPrefetchMultiplier`; 0 = no limit. */
  readonly multiplier: number
  /** Deliveries waiting here for their eta or their turn: they hold a place in the window without needing a slot. */
  readonly held: number
  /** `workerEtaTaskLimit`, `workerMaxHeld`: no more places are added beyond so many held ones. */
  readonly heldLimit: number
  /** `workerPrefetchLimit`, on brokers that lease what they deliver; elsewhere undefined. Places of held ones come on top. */
  readonly limit: number | undefined
  /** Executions that were begun before the connection was lost and still run; 0 without `workerEnablePrefetchCountReduction`. */
  readonly left: number
  /** With `workerDisablePrefetch`: executions that hold no place in the window, since they were acked early. Otherwise undefined. */
  readonly acked: number | undefined
}

/** Most that AMQP can say; beyond it means "no limit" there, which nobody wants by accident. */
export const MAX_PREFETCH = 65_535

/** Nothing may be delivered at all. */
export const NO_PREFETCH = -1

/**
 * How many unsettled deliveries the broker may have out here: concurrency × multiplier, plus one for each held one.
 * 0 = no limit, `NO_PREFETCH` = none. Source: celery/worker/components.py Consumer.create, kombu/common.py QoS.
 *
 * After a lost connection what still runs counts against it, since its messages come again: full − left × multiplier, at
 * least multiplier. As those end it is whole again by itself. Source: celery/worker/consumer/consumer.py
 * `on_connection_error_after_connected`.
 *
 * Without prefetch: only what can run now, so free slots. Whatever is unsettled fills one, but for what was acked early.
 *
 * | concurrency × multiplier | held | left | acked | count |
 * | --- | --- | --- | --- | --- |
 * | 4 × 4 | 0 · 3 | 0 | – | 16 · 19 |
 * | 4 × 4 | 0 | 1 · 4 | – | 12 · 4 |
 * | 4 × 0, limit 1000 | 0 · 3 | 0 | – | 1000 · 1003 |
 * | 4 | 0 · 3 | 0 | 1 | 3 · 6 |
 * | 4 | 0 | 0 | 4 | none |
 */
export function prefetchCount(facts: PrefetchFacts): number {
  const { concurrency, multiplier, left, acked } = facts
  const places = Math.min(facts.held, facts.heldLimit)
  if (acked !== undefined) return capped(Math.max(0, concurrency - acked) + places)
  if (multiplier === 0) return facts.limit === undefined ? 0 : capped(facts.limit + places)
  const full = Math.min(concurrency * multiplier, facts.limit ?? MAX_PREFETCH)
  return capped(Math.max(Math.min(multiplier, full), full - left * multiplier) + places)
}

function capped(count: number): number {
  return count <= 0 ? NO_PREFETCH : Math.min(MAX_PREFETCH, count)
}

/** How soon a changed count is told to the broker: many changes of one moment become one call. */
export const PREFETCH_DELAY: Ms = 10
