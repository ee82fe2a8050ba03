import type { Played } from './played.js'

/** The smallest plan so far that breaks an invariant; smaller ones are offered until so many were played. */
export class Smallest<Plan> {
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
