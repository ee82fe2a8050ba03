import type { LoopBeat } from '../lib/loop-beat.js'
import type { LoopLook, Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { Call } from '../pools/pool.js'
import { loopSuspects, type Stretch } from './loop-suspects.js'

/** Told which user code is under way in this process. */
export interface Witness {
  entered(call: Call, at: SteadyMs): void
  left(call: Call, at: SteadyMs): void
}

/** The event loop stood still. */
export interface Block {
  readonly lag: Ms
  /** When it went on. */
  readonly at: SteadyMs
  /** `name[id]` of the tasks that were under way, likeliest first. */
  readonly tasks: readonly string[]
}

export interface LoopWatchParts {
  readonly runtime: Runtime
  /** A lag that is told. */
  readonly limit: Ms
  /** For a thread that watches while this one stands still. */
  readonly beat: LoopBeat | undefined
  /** At every look. */
  looked(lag: Ms): void
}

/** Executions that ended are remembered until the next look when they took so long, and no more of them than that. */
const NOTABLE: Ms = 500
const MOST_ENDED = 50

/** Names of running tasks that the watching thread is told. */
const MOST_RUNNING = 10

/**
 * Measures how late the event loop comes to what is due, and knows which tasks were under way (H47). In a pool of
 * children it watches the parent, where no task runs. Where time is not real there is nothing to measure.
 */
export class LoopWatch implements Witness, Disposable {
  readonly #parts: LoopWatchParts
  readonly #running = new Map<Call, SteadyMs>()
  #ended: Stretch[] = []
  #looks: Disposable | undefined
  #block: Block | undefined

  constructor(parts: LoopWatchParts) {
    this.#parts = parts
  }

  /** The last lag above the limit. */
  get block(): Block | undefined {
    return this.#block
  }

  start(): void {
    // From here on standing still is seen, whatever the first task does.
    this.#parts.beat?.tick('')
    this.#looks = this.#parts.runtime.host.watchLoop?.(look => this.#look(look))
  }

  entered(call: Call, at: SteadyMs): void {
    this.#running.set(call, at)
    this.#parts.beat?.note(nameOf(call))
  }

  left(call: Call, at: SteadyMs): void {
    const from = this.#running.get(call)
    this.#running.delete(call)
    if (from === undefined || at - from < NOTABLE || this.#ended.length >= MOST_ENDED) return
    this.#ended.push({ task: nameOf(call), from, to: at })
  }

  [Symbol.dispose](): void {
    this.#looks?.[Symbol.dispose]()
  }

  #look(look: LoopLook): void {
    const { limit, beat, looked } = this.#parts
    if (look.lag >= limit) this.#tell(look)
    this.#ended = []
    beat?.tick([...this.#running.keys()].slice(0, MOST_RUNNING).map(nameOf).join(', '))
    looked(look.lag)
  }

  #tell({ from, to, lag }: LoopLook): void {
    const running = [...this.#running].map(([call, at]): Stretch => ({ task: nameOf(call), from: at, to: undefined }))
    const tasks = loopSuspects([...running, ...this.#ended], from, to)
    this.#block = { lag, at: to, tasks }
    const who = tasks.length === 0 ? 'no task was running' : `running meanwhile: ${tasks.join(', ')}`
    this.#parts.runtime.log.warning(
      `The event loop stood still for ${(lag / 1000).toFixed(1)} s; ${who}. Code that computes belongs into child processes or threads, or must pause now and then.`,
      { lag: lag / 1000, tasks },
    )
  }
}

function nameOf({ request }: Call): string {
  return `${request.task}[${request.id}]`
}
