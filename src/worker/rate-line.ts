import { Heap } from '../lib/heap.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import { TokenBucket } from '../lib/token-bucket.js'
import type { Running } from './running.js'

/** Instants kept of what was sent away to come back: more only make the estimate too small. */
const MAX_AWAY = 10_000

/** Who waits, in order, for tokens of one rate; and who was sent away because its turn was far off. */
export class RateLine {
  readonly #bucket: TokenBucket
  readonly #waiting = new Set<Running>()
  /** When each comes back. */
  readonly #away = new Heap<SteadyMs>((a, b) => a < b)

  constructor(rate: number, madeAt: SteadyMs) {
    this.#bucket = new TokenBucket(rate, madeAt)
  }

  get rate(): number {
    return this.#bucket.rate
  }

  get waiting(): ReadonlySet<Running> {
    return this.#waiting
  }

  /** How long one more would wait: behind those who wait here; a newcomer also behind those who are away. */
  turn(now: SteadyMs, returning: boolean): Ms {
    for (let next = this.#away.peek(); next !== undefined && next <= now; next = this.#away.peek()) this.#away.pop()
    const before = this.#waiting.size + (returning ? 0 : this.#away.size)
    return this.#bucket.wait(now) + (before * 1000) / this.#bucket.rate
  }

  sentAway(until: SteadyMs): void {
    if (this.#away.size < MAX_AWAY) this.#away.push(until)
  }

  join(running: Running): void {
    this.#waiting.add(running)
  }

  leave(running: Running): boolean {
    return this.#waiting.delete(running)
  }

  /** Those whose token is there, first come first served; and how long until the next one's is. */
  draw(now: SteadyMs): { readonly passed: readonly Running[]; readonly wait: Ms | undefined } {
    const passed: Running[] = []
    for (const running of this.#waiting) {
      if (!this.#bucket.take(now)) return { passed, wait: this.#bucket.wait(now) }
      this.#waiting.delete(running)
      passed.push(running)
    }
    return { passed, wait: undefined }
  }

  clear(): void {
    this.#waiting.clear()
  }
}
