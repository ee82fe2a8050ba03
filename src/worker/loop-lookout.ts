import type { ServiceFactory } from '../drivers/service-thread.js'
import { LoopBeat } from '../lib/loop-beat.js'
import { type NodeLogOptions, openNodeLog } from '../lib/node-log.js'
import type { Log } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'

/*
 * A thread that sees the event loop of its worker stand still and says so while it lasts: afterwards may be too late,
 * for a task that never ends or a worker that somebody kills because it looks dead (H47).
 */

export interface LookoutConfig {
  /** Of a `LoopBeat`. */
  readonly buffer: SharedArrayBuffer
  /** Node name. */
  readonly worker: string
  /** From when on it is worth saying; then again each time it has lasted twice as long. */
  readonly limit: Ms
  /** As the worker's own log. */
  readonly log: NodeLogOptions
}

const EVERY: Ms = 500

export const service: ServiceFactory<LookoutConfig> = (config, { clock }) => {
  const node = openNodeLog(config.log)
  const lookout = new Lookout(config, node.log, clock.steady())
  let timer: Disposable
  const look = (): void => {
    timer = clock.timer(EVERY, look)
    lookout.look(clock.steady())
  }
  timer = clock.timer(EVERY, look)
  return {
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      await node.close()
    },
  }
}

/** What is seen, and when it is said. */
export class Lookout {
  readonly #beat: LoopBeat
  readonly #config: Pick<LookoutConfig, 'worker' | 'limit'>
  readonly #log: Log
  #ticks = 0
  #since: SteadyMs
  #next: Ms

  constructor(config: Pick<LookoutConfig, 'buffer' | 'worker' | 'limit'>, log: Log, now: SteadyMs) {
    this.#beat = new LoopBeat(config.buffer)
    this.#config = config
    this.#log = log
    this.#since = now
    this.#next = config.limit
  }

  look(now: SteadyMs): void {
    const { ticks, last, running } = this.#beat.read()
    // Before the first beat nothing has begun.
    if (ticks !== this.#ticks || ticks === 0) {
      this.#ticks = ticks
      this.#since = now
      this.#next = this.#config.limit
      return
    }
    const still = now - this.#since
    if (still < this.#next) return
    this.#next = 2 * still
    const tasks = [...new Set([last, ...running.split(', ')])].filter(task => task !== '')
    const who = tasks.length === 0 ? 'it has run no task yet' : `entered last or running: ${tasks.join(', ')}`
    this.#log.warning(
      `The event loop of ${this.#config.worker} has stood still for ${(still / 1000).toFixed(0)} s; ${who}.`,
      { lag: still / 1000, tasks },
    )
  }
}
