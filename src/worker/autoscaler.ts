import type { Clock, Log } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { AutoscalerInfo } from '../protocol/command-replies.js'
import { type AutoscaleRange, autoscale } from './autoscale.js'
import type { AutoscalerControl } from './commands/worker-view.js'

export interface AutoscalerParts {
  readonly clock: Clock
  readonly log: Log
  /** Slots now. */
  size(): number
  /** Takes away no slot that is in use. */
  resize(size: number): Promise<void>
  readonly range: AutoscaleRange
  /** `workerAutoscaleKeepalive`. */
  readonly keepalive: Ms
  /** Tasks that run or wait for a slot. */
  reserved(): number
  /** The maximum, which the prefetch window follows, is another one. */
  rangeChanged(): void
}

/**
 * Makes the pool follow its load within a range: `look` at every task that finds no slot, and a look of its own every
 * `keepalive`. From `start` until it is disposed.
 */
export class Autoscaler implements AutoscalerControl, Disposable {
  readonly #parts: AutoscalerParts
  #range: AutoscaleRange
  #grownAt: SteadyMs | undefined
  #following = false
  #again = false
  #timer: Disposable | undefined

  constructor(parts: AutoscalerParts) {
    this.#parts = parts
    this.#range = parts.range
  }

  get range(): AutoscaleRange {
    return this.#range
  }

  start(): void {
    this.#timer = this.#parts.clock.timer(this.#parts.keepalive, () => {
      this.look()
      this.start()
    })
  }

  /** Another range; undefined leaves a bound as it is. Source: celery/worker/autoscale.py `update`. */
  update(most: number | undefined, fewest: number | undefined): AutoscaleRange {
    const max = Math.max(1, most ?? this.#range.max)
    const min = Math.min(max, Math.max(0, fewest ?? this.#range.min))
    this.#range = { max, min }
    this.#parts.rangeChanged()
    this.look()
    return this.#range
  }

  info(): AutoscalerInfo {
    return { ...this.#range, current: this.#parts.size(), qty: this.#parts.reserved() }
  }

  /** One change of the pool at a time; what is asked for meanwhile is looked at after it. */
  look(): void {
    if (this.#following) {
      this.#again = true
      return
    }
    if (this.#wanted() === this.#parts.size()) return
    this.#following = true
    void this.#follow()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  async #follow(): Promise<void> {
    const { log } = this.#parts
    const before = this.#parts.size()
    const wanted = this.#wanted()
    if (wanted > before) this.#grownAt = this.#parts.clock.steady()
    try {
      await this.#parts.resize(wanted)
      if (this.#parts.size() !== before) log.info(`The pool has ${this.#parts.size()} slots now; it had ${before}.`)
    } catch (error) {
      // The next look tries again.
      log.error(`The pool could not be resized: ${error instanceof Error ? error.message : String(error)}`)
      this.#again = false
    }
    this.#following = false
    if (this.#again) {
      this.#again = false
      this.look()
    }
  }

  #wanted(): number {
    const { keepalive, clock } = this.#parts
    return autoscale({
      ...this.#range,
      size: this.#parts.size(),
      reserved: this.#parts.reserved(),
      now: clock.steady(),
      grownAt: this.#grownAt,
      keepalive,
    })
  }
}
