import type { Ms } from '../../lib/time.js'
import type { LimitWindow } from './limit-window.js'

/*
 * Limits that hold over a cluster, kept in the broker's store.
 *
 * A worker asks for turns: permission to begin so many executions. A turn may be limited by windows (so many in any second, minute,
 * hour) and by places (so many at a time), each under a key that all workers know. A place is held by the session that asked,
 * until it is given back or the session ends; the place of a dead worker comes back when its messages do (D22, D23, D26). Turns
 * counted in a window stay counted, whatever becomes of them.
 *
 * One call is one atomic step at the store, by the store's clock (D95). Repeating a call after an unknown outcome is safe:
 * places are named by their holder, so one is never held or given back twice; a window may count a turn that nobody took.
 * What a store must decide is the pure function `decideLimits` (decide-limits.ts); the conformance suite plays every adapter against it.
 */

export interface LimitRequest {
  /** Places that are free again. */
  readonly done: readonly PlaceNames[]
  /** Places of executions that run already, begun under an earlier session: held whether or not there is room. */
  readonly kept: readonly PlaceNames[]
  readonly asks: readonly LimitAsk[]
}

/** Places under one key, by the names their session gave them: whole numbers that it never uses again. */
export interface PlaceNames {
  readonly key: string
  readonly names: readonly number[]
}

/** For each name one turn, all under the same limits. */
export interface LimitAsk {
  readonly names: readonly number[]
  readonly rate: RateAsk | undefined
  readonly places: PlacesAsk | undefined
}

export interface RateAsk {
  readonly key: string
  /** All hold together. At least one. */
  readonly windows: readonly LimitWindow[]
}

export interface PlacesAsk {
  readonly key: string
  readonly max: number
}

export interface LimitAnswer {
  /** How many of the names, from the first on, have their turn. */
  readonly granted: number
  /**
   * When fewer than asked: how long until a window has room again. Undefined when all places are taken, of which nobody
   * knows the end.
   */
  readonly wait: Ms | undefined
}
