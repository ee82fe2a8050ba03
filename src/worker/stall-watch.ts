import type { Connection, Queue } from '../brokers/broker.js'
import { deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { Companion } from './companion.js'
import type { Stall } from './health.js'

/** Where the work of the worker stands. */
export interface Flow {
  /** Deliveries since the start. */
  readonly deliveries: number
  /** Slots without a task, while the prefetch window has room. */
  readonly room: number
}

export interface StallWatchParts {
  readonly runtime: Runtime
  /** Setting `workerStallTimeout`. */
  readonly timeout: Ms
  flow(): Flow
  /** Consumed now; not those that are paused. */
  queues(): readonly Queue[]
  /** A stall that was just found. */
  stalled(stall: Stall): void
}

/**
 * The watch over a worker that consumes and is given nothing (G6): when a queue has held messages for `timeout`, slots are
 * free all the time and nothing was delivered, something between here and the broker has forgotten us, whatever both of
 * them say. It is looked at three times within the timeout; who is busy, full or fed is not looked at any further.
 *
 * A broker that does not even answer how much waits is a stall as well.
 */
export class StallWatch implements Companion {
  readonly name = 'stall watch'
  readonly #parts: StallWatchParts
  #times = 0
  #stall: { readonly stall: Stall; readonly deliveries: number } | undefined

  constructor(parts: StallWatchParts) {
    this.#parts = parts
  }

  /** Since it was found nothing has come, and something waits. */
  get stall(): Stall | undefined {
    return this.#stall?.deliveries === this.#parts.flow().deliveries ? this.#stall.stall : undefined
  }

  async join(connection: Connection, signal: AbortSignal): Promise<AsyncDisposable> {
    const watching = this.#watch(connection, signal)
    return {
      async [Symbol.asyncDispose]() {
        await watching
      },
    }
  }

  /** Until the signal fires, which the session does before it leaves a connection. Never rejects. */
  async #watch(connection: Connection, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts.runtime
    const { timeout } = this.#parts
    let since: SteadyMs | undefined
    let before = this.#parts.flow().deliveries
    while (!signal.aborted) {
      await clock.sleep(timeout / 3, signal).catch(() => undefined)
      if (signal.aborted) return
      const { deliveries, room } = this.#parts.flow()
      if (deliveries !== before) this.#moved()
      const idle = deliveries === before && room > 0
      before = deliveries
      if (!idle) {
        since = undefined
        continue
      }
      const began = clock.steady()
      try {
        const found = await this.#backlog(connection, signal)
        if (signal.aborted) return
        if (found === 'none') {
          since = undefined
          this.#moved()
          continue
        }
        since ??= began
        const age = clock.steady() - since
        if (found === 'no answer' || age >= timeout) {
          since = undefined
          const where = found === 'no answer' ? { queue: undefined, depth: 0 } : found
          this.#found({ ...where, age, times: ++this.#times }, deliveries)
        }
      } catch (error) {
        // The connection is on its way out; the session sees to it.
        log.debug(`Queues could not be looked at: ${String(error)}`)
      }
    }
  }

  #moved(): void {
    this.#times = 0
    this.#stall = undefined
  }

  #found(stall: Stall, deliveries: number): void {
    // Something came while the broker was asked.
    if (this.#parts.flow().deliveries !== deliveries) {
      this.#moved()
      return
    }
    this.#stall = { stall, deliveries }
    this.#parts.stalled(stall)
  }

  async #backlog(
    connection: Connection,
    signal: AbortSignal,
  ): Promise<Pick<Stall, 'queue' | 'depth'> | 'none' | 'no answer'> {
    const late = deferred<'no answer'>()
    using _timer = this.#parts.runtime.clock.timer(this.#parts.timeout, () => late.resolve('no answer'))
    const left = (): void => late.resolve('no answer')
    signal.addEventListener('abort', left, { once: true })
    try {
      return await Promise.race([this.#deepest(connection), late.promise])
    } finally {
      signal.removeEventListener('abort', left)
    }
  }

  async #deepest(connection: Connection): Promise<Pick<Stall, 'queue' | 'depth'> | 'none'> {
    let deepest: Pick<Stall, 'queue' | 'depth'> | 'none' = 'none'
    for (const queue of this.#parts.queues()) {
      // One consumer of many is served; the others wait for its end.
      if (queue.arguments?.['x-single-active-consumer'] === true) continue
      const { ready } = await connection.stats(queue.name)
      if (ready > 0 && (deepest === 'none' || ready > deepest.depth)) deepest = { queue: queue.name, depth: ready }
    }
    return deepest
  }
}
