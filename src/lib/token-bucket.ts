import type { Ms, SteadyMs } from './time.js'

/** What arithmetic on fractions of a token may lose. */
const ALMOST = 1e-9

/**
 * A bucket for one token, full at the start. It is filled lazily: only when a token is missing, with all the time since it
 * was last filled, up to one token. So after an idle period two tokens come at once, since the first leaves the bucket's
 * clock where it was, and then one every 1/rate seconds: at 2/s they come at 0, 0, 0.5, 1, 1.5 s. Source: kombu/utils/limits.py
 * `TokenBucket`, used with capacity 1 by celery/worker/consumer/consumer.py `bucket_for_task`.
 */
export class TokenBucket {
  /** Tokens per second, above 0. */
  readonly rate: number
  #tokens = 1
  #filledAt: SteadyMs

  constructor(rate: number, now: SteadyMs) {
    this.rate = rate
    this.#filledAt = now
  }

  /** True: a token was there, and is taken. */
  take(now: SteadyMs): boolean {
    if (this.#fill(now) < 1 - ALMOST) return false
    this.#tokens = Math.max(0, this.#tokens - 1)
    return true
  }

  /** How long until there is a token; 0 = there is one. Whole milliseconds, so that a timer set for it is not early. */
  wait(now: SteadyMs): Ms {
    const missing = 1 - this.#fill(now)
    return missing <= ALMOST ? 0 : Math.ceil((missing * 1000) / this.rate)
  }

  #fill(now: SteadyMs): number {
    if (this.#tokens < 1) {
      this.#tokens = Math.min(1, this.#tokens + ((now - this.#filledAt) * this.rate) / 1000)
      this.#filledAt = now
    }
    return this.#tokens
  }
}
