import type { Ms, SteadyMs } from '../../lib/time.js'
import type { SimClock } from './sim-clock.js'

/** One direction of a connection: what is sent arrives after a delay, in order. While held, nothing arrives. */
export class SimPipe {
  readonly #clock: SimClock
  readonly #delay: () => Ms
  readonly #timers = new Set<Disposable>()
  readonly #underWay: (() => void)[] = []
  #latest: SteadyMs = 0
  #held = false

  constructor(clock: SimClock, delay: () => Ms) {
    this.#clock = clock
    this.#delay = delay
  }

  /** What is under way. */
  get size(): number {
    return this.#underWay.length
  }

  send(arrive: () => void): void {
    this.#underWay.push(arrive)
    if (!this.#held) this.#schedule()
  }

  hold(): void {
    this.#held = true
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers.clear()
  }

  /** What was held travels on, with new delays. */
  release(): void {
    if (!this.#held) return
    this.#held = false
    for (const _ of this.#underWay) this.#schedule()
  }

  /** Each timer hands over whatever is first by then, so that order is kept whichever of two timers rings first. */
  #schedule(): void {
    this.#latest = Math.max(this.#clock.now + this.#delay(), this.#latest)
    const timer = this.#clock.schedule(this.#latest - this.#clock.now, () => {
      this.#timers.delete(timer)
      this.#underWay.shift()?.()
    })
    this.#timers.add(timer)
  }
}
