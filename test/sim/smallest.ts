import type { Played } from './played.js'

/** What is left of a plan, and how many smaller ones were played to find it. */
export interface Shrunk<Plan> {
  readonly plan: Plan
  readonly tries: number
}

/** The smallest plan so far that breaks an invariant; smaller ones are offered until so many were played. */
export class Smallest<Plan> implements Shrunk<Plan> {
  readonly #play: (plan: Plan) => Promise<Played<unknown>>
  readonly #invariant: string
  readonly #most: number
  #plan: Plan
  #tries = 0

  constructor(
    plan: Plan,
    parts: { play(plan: Plan): Promise<Played<unknown>>; readonly invariant: string; readonly most: number },
  ) {
    this.#plan = plan
    this.#play = plan => parts.play(plan)
    this.#invariant = parts.invariant
    this.#most = parts.most
  }

  get plan(): Plan {
    return this.#plan
  }

  get tries(): number {
    return this.#tries
  }

  /** Takes the next one when it breaks the same. */
  async accept(next: Plan): Promise<boolean> {
    if (this.#tries >= this.#most) return false
    this.#tries++
    const played = await this.#play(next)
    if (played.kind !== 'failed' || played.invariant !== this.#invariant) return false
    this.#plan = next
    return true
  }
}
