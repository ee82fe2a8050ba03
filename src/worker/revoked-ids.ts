import type { Ms, SteadyMs } from '../lib/time.js'
import type { TaskId } from '../protocol/ids.js'

/**
 * Ids that must not start here: the newest so many, each for so long (L14). The oldest leave one by one, in constant
 * time each; an id that is revoked again keeps its place and is remembered from then on. Steady time is passed in.
 */
export class RevokedIds {
  readonly #max: number
  readonly #ttl: Ms
  readonly #since = new Map<TaskId, SteadyMs>()
  /** Every id that is remembered, in a ring: where the next one goes stands the oldest. */
  readonly #ring: TaskId[] = []
  #next = 0

  constructor(options: { readonly max: number; readonly ttl: Ms }) {
    this.#max = options.max
    this.#ttl = options.ttl
  }

  get size(): number {
    return this.#since.size
  }

  /** `since`: when it was revoked; what is too old already is not taken. */
  add(id: TaskId, since: SteadyMs, now: SteadyMs = since): void {
    if (now - since > this.#ttl) return
    const known = this.#since.get(id)
    if (known === undefined) {
      const oldest = this.#ring[this.#next]
      if (oldest !== undefined) this.#since.delete(oldest)
      this.#ring[this.#next] = id
      this.#next = (this.#next + 1) % this.#max
    }
    this.#since.set(id, known === undefined ? since : Math.max(known, since))
  }

  has(id: TaskId, now: SteadyMs): boolean {
    const since = this.#since.get(id)
    return since !== undefined && now - since <= this.#ttl
  }

  /** Those still remembered, each with when it was revoked, in the order in which they came. */
  *entries(now: SteadyMs): Iterable<readonly [TaskId, SteadyMs]> {
    const { length } = this.#ring
    for (let i = 0; i < length; i++) {
      const id = this.#ring[(this.#next + i) % length] as TaskId
      const since = this.#since.get(id)
      if (since !== undefined && now - since <= this.#ttl) yield [id, since]
    }
  }
}
