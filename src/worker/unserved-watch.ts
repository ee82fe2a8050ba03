import { queueStats, type UnservedQueue, UnservedQueues } from '../app/unserved-queues.js'
import type { Connection } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { Companion } from './companion.js'

export interface UnservedWatchParts {
  readonly runtime: Runtime
  /** Queues that tasks are known to be sent to, but those consumed here. */
  elsewhere(): readonly string[]
  /** Found anew, or again after a while. */
  unserved(queue: UnservedQueue): void
}

const EVERY: Ms = 5000

/** One queue is complained of so often. */
const AGAIN: Ms = 60_000

/**
 * Looks at the queues that this worker does not consume, and says which of them hold messages that nobody consumes: a
 * name in code that no worker's command line mentions (H41).
 */
export class UnservedWatch implements Companion {
  readonly name = 'watch over unserved queues'
  readonly #parts: UnservedWatchParts
  readonly #queues = new UnservedQueues()
  readonly #told = new Map<string, SteadyMs>()

  constructor(parts: UnservedWatchParts) {
    this.#parts = parts
  }

  async join(connection: Connection, signal: AbortSignal): Promise<AsyncDisposable> {
    const { clock } = this.#parts.runtime
    const gone = aborted(signal)
    let timer: Disposable | undefined
    let looking: Promise<void> | undefined
    const wind = (): void => {
      if (!signal.aborted) timer = clock.timer(EVERY, look)
    }
    const look = (): void => {
      const names = signal.aborted ? [] : this.#parts.elsewhere()
      if (names.length === 0) wind()
      else looking = this.#look(connection, names, gone).then(wind)
    }
    wind()
    return {
      async [Symbol.asyncDispose]() {
        timer?.[Symbol.dispose]()
        await looking
      },
    }
  }

  async #look(connection: Connection, names: readonly string[], gone: Promise<readonly never[]>): Promise<void> {
    const { clock } = this.#parts.runtime
    // What cannot be told is left out, so this does not reject.
    const stats = await Promise.race([queueStats(connection, names), gone])
    this.#tell(this.#queues.look(stats, clock.steady()), clock.steady())
  }

  #tell(found: readonly UnservedQueue[], now: SteadyMs): void {
    const names = new Set<string>(found.map(({ queue }) => queue))
    for (const name of this.#told.keys()) if (!names.has(name)) this.#told.delete(name)
    for (const one of found) {
      const told = this.#told.get(one.queue)
      if (told !== undefined && now - told < AGAIN) continue
      this.#told.set(one.queue, now)
      this.#parts.unserved(one)
    }
  }
}

/** Nothing, as soon as the signal fires: a question that hangs must not keep the worker on a connection. */
function aborted(signal: AbortSignal): Promise<readonly never[]> {
  return new Promise(resolve => {
    if (signal.aborted) resolve([])
    else signal.addEventListener('abort', () => resolve([]), { once: true })
  })
}
