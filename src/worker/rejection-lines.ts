import type { Clock, Log } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'

const SECOND: Ms = 1000
/** More than so many rejected messages a second … */
const MANY = 100
/** … in so many seconds one after another are told together (L19). */
const PATIENCE = 10
/** Reasons and queues that a summary names; the rest is counted. */
const NAMED = 10

/**
 * Log lines about rejected messages (L19). A rejected message has a line of its own, until a flood of them would bury
 * everything else in the log: when there were more than 100 in each of the last ten seconds, there is one line a second
 * instead, which counts them by reason and queue. The first second with fewer ends that.
 */
export class RejectionLines implements Disposable {
  readonly #clock: Pick<Clock, 'steady' | 'timer'>
  readonly #log: Log
  /** The second that is being counted. */
  #since: SteadyMs = Number.NEGATIVE_INFINITY
  #count = 0
  /** Seconds with many, one after another, up to the one that is being counted. */
  #floods = 0
  readonly #untold = new Map<string, number>()
  #summary: Disposable | undefined

  constructor({ clock, log }: { readonly clock: Pick<Clock, 'steady' | 'timer'>; readonly log: Log }) {
    this.#clock = clock
    this.#log = log
  }

  /** Writes the line, or counts it for the next summary. */
  tell(line: string, { reason, queue, ...fields }: RejectionFields): void {
    this.#counting()
    if (this.#floods < PATIENCE) {
      this.#log.warning(line, { reason, queue, ...fields })
      return
    }
    const what = `${reason} from ${queue}`
    this.#untold.set(what, (this.#untold.get(what) ?? 0) + 1)
    this.#summary ??= this.#clock.timer(SECOND, () => this.#summarize())
  }

  /** What was counted and not told yet is told. */
  [Symbol.dispose](): void {
    this.#summary?.[Symbol.dispose]()
    if (this.#untold.size > 0) this.#summarize()
  }

  #counting(): void {
    const now = this.#clock.steady()
    if (now - this.#since >= SECOND) {
      const wasFlood = this.#count > MANY && now - this.#since < 2 * SECOND
      this.#floods = wasFlood ? this.#floods + 1 : 0
      this.#since = now
      this.#count = 0
    }
    this.#count++
  }

  #summarize(): void {
    this.#summary = undefined
    const all = [...this.#untold].sort(([, a], [, b]) => b - a)
    this.#untold.clear()
    const total = all.reduce((sum, [, count]) => sum + count, 0)
    const named = all.slice(0, NAMED).map(([what, count]) => `${count} ${what}`)
    const others = total - all.slice(0, NAMED).reduce((sum, [, count]) => sum + count, 0)
    if (others > 0) named.push(`${others} others`)
    this.#log.warning(`${total} messages were rejected within a second: ${named.join(', ')}`)
  }
}

export interface RejectionFields {
  readonly reason: string
  readonly queue: string
  readonly [field: string]: unknown
}
