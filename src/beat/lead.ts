import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { BeatStore, Leadership } from './beat-store.js'

/** How long a lease lasts, and when it is renewed (D90). */
export const LEASE: Ms = 30_000
export const RENEW_EVERY: Ms = 5000
/** How often a spare asks whether it may lead (D92). */
export const ASK_EVERY: Ms = 1000
/** Part of the lease for which the leader trusts it, counted by its own steady clock from before it asked. */
const TRUST = 0.8

/** This beat's share in the lead: whether it may act, and until when. */
export class Lead {
  readonly #runtime: Pick<Runtime, 'clock'>
  readonly #store: BeatStore
  readonly #holder: string
  readonly #ttl: Ms
  #term: number | undefined
  #trustedUntil: SteadyMs = Number.NEGATIVE_INFINITY

  constructor(runtime: Pick<Runtime, 'clock'>, store: BeatStore, holder: string, ttl: Ms = LEASE) {
    this.#runtime = runtime
    this.#store = store
    this.#holder = holder
    this.#ttl = ttl
  }

  /** The term in which this beat may act right now; undefined = it may not. */
  get term(): number | undefined {
    return this.#runtime.clock.steady() < this.#trustedUntil ? this.#term : undefined
  }

  /** Asks for the lead, or for more of it. Rejects with `BeatStoreError`; what is trusted stays trusted until its time. */
  async ask(): Promise<Leadership> {
    const asked = this.#runtime.clock.steady()
    const answer = await this.#store.lead(this.#holder, this.#ttl)
    if (answer.kind === 'leading') {
      this.#term = answer.term
      this.#trustedUntil = asked + this.#ttl * TRUST
    } else this.lost()
    return answer
  }

  /** The store has refused to take something of this term. */
  lost(): void {
    this.#term = undefined
    this.#trustedUntil = Number.NEGATIVE_INFINITY
  }

  async resign(): Promise<void> {
    if (this.#term === undefined) return
    this.lost()
    await this.#store.resign(this.#holder)
  }
}
