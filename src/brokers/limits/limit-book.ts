import { decideLimits, type LimitState, NO_LIMIT_STATE, stateEnds } from './decide-limits.js'
import type { LimitAnswer, LimitRequest } from './limit-store.js'

export interface LimitBookWorld {
  readonly now: number
  readonly holder: string
  alive(holder: string): boolean
}

/** Keys after which the book looks for those that hold nothing any more, and again each time they have doubled. */
const LOOK_AT = 1000

/** The limits of a store that is in this process: the model itself. */
export class LimitBook {
  readonly #states = new Map<string, LimitState>()
  #lookAt = LOOK_AT

  get size(): number {
    return this.#states.size
  }

  decide(request: LimitRequest, { now, holder, alive }: LimitBookWorld): readonly LimitAnswer[] {
    const state = (key: string): LimitState => this.#states.get(key) ?? NO_LIMIT_STATE
    const { answers, states } = decideLimits(request, { now, holder, state, alive })
    for (const [key, next] of states) {
      if (stateEnds(next, now) === undefined) this.#states.delete(key)
      else this.#states.set(key, next)
    }
    if (this.#states.size > this.#lookAt) this.#forget(now)
    return answers
  }

  #forget(now: number): void {
    for (const [key, state] of this.#states) if ((stateEnds(state, now) ?? now) <= now) this.#states.delete(key)
    this.#lookAt = Math.max(LOOK_AT, 2 * this.#states.size)
  }
}
