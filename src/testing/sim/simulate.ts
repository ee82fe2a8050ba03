import { clearImmediate, setImmediate } from 'node:timers'
import type { Ms } from '../../lib/time.js'
import { briefContexts } from './brief-contexts.js'
import { SimFailure } from './errors.js'
import { guardAgainstEscape } from './escape-guard.js'
import { SimClock } from './sim-clock.js'
import { SimRandom } from './sim-random.js'
import { SimWorld } from './sim-world.js'
import { Trace } from './trace.js'

export interface SimulateOptions {
  /** Virtual time after which a run fails. Default: a week. */
  readonly limit?: Ms
  /** How many of the last trace lines are kept; the hash covers all. Default 2,000. */
  readonly keep?: number
  /**
   * `full` (default) writes and hashes every line. `instants` keeps no lines and hashes only when things happened: enough
   * to tell two runs apart, and a third faster; repeat a seed that fails with `full`.
   */
  readonly trace?: 'full' | 'instants'
  /**
   * Whether async contexts are followed through waits and timers, as Node does. Default true; false for many runs of
   * handlers that ask for `currentTask()` before they first wait: a sixth faster.
   */
  readonly contexts?: boolean
}

export interface SimReport<T> {
  readonly seed: string
  /** What the scenario returned. */
  readonly value: T
  /** Of the whole trace: same seed and same code, same hash. */
  readonly hash: string
  readonly trace: readonly string[]
  /** Events that happened. */
  readonly steps: number
  /** Virtual time that passed. */
  readonly elapsed: Ms
}

const WEEK: Ms = 7 * 86_400_000

/** Events at one virtual instant that count as going round in circles. */
const LIVELOCK = 1_000_000

/**
 * Runs a scenario in virtual time, repeatably: everything in it that could differ from run to run comes from the seed.
 *
 * The loop: let all microtasks run out, look at the invariants, go to the next timer, ring it (`turns`). The scenario's promise ends the run; what is still to ring then never does.
 *
 * While it runs, the real clock, timers, chance and network throw `SimEscapeError`; hence one simulation per process at
 * a time.
 *
 * @throws SimFailure with the seed and the last trace lines: `LVG_SIM_FAILED` (the scenario or an invariant threw),
 *   `LVG_SIM_STALLED` (it waits, and nothing is left to happen), `LVG_SIM_LIVELOCK` (10⁶ events at one instant),
 *   `LVG_SIM_LIMIT` (still going on after `limit`).
 * @throws LovageError `LVG_SIM_BUSY`
 */
export async function simulate<T>(
  seed: number | string,
  scenario: (world: SimWorld) => Promise<T>,
  options: SimulateOptions = {},
): Promise<SimReport<T>> {
  const run = new SimRun(String(seed), options)
  using _guard = guardAgainstEscape()
  using _contexts = options.contexts === false ? briefContexts() : undefined
  return await run.play(scenario)
}

type Ending<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'error'; readonly error: unknown }

class SimRun {
  readonly #seed: string
  readonly #limit: Ms
  readonly #clock: SimClock
  readonly #trace: Trace
  readonly #world: SimWorld
  #steps = 0
  #instant = 0
  #stepsAtInstant = 0

  constructor(seed: string, { limit = WEEK, keep = 2_000, trace = 'full', contexts = true }: SimulateOptions) {
    this.#seed = seed
    this.#limit = limit
    this.#clock = new SimClock(new SimRandom(seed).split('schedule'), { contexts })
    this.#trace = new Trace(keep, trace)
    this.#world = new SimWorld(seed, this.#clock, this.#trace)
  }

  async play<T>(scenario: (world: SimWorld) => Promise<T>): Promise<SimReport<T>> {
    let ending: Ending<T> | undefined
    const end = (how: Ending<T>): void => {
      ending = how
    }
    scenario(this.#world).then(
      value => end({ kind: 'value', value }),
      (error: unknown) => end({ kind: 'error', error }),
    )
    await turns(() => {
      if (ending !== undefined) return 'over'
      this.#step()
      return 'on'
    })
    // turns() ends when there is an ending.
    return this.#report(ending as unknown as Ending<T>)
  }

  #step(): void {
    try {
      if (this.#world.observe() === 'woken') return
      if (!this.#clock.step()) throw this.#failure('LVG_SIM_STALLED', STALLED)
    } catch (cause) {
      throw cause instanceof SimFailure ? cause : this.#failed(cause)
    }
    this.#count()
  }

  #count(): void {
    this.#steps++
    if (this.#clock.now > this.#limit) throw this.#failure('LVG_SIM_LIMIT', `it is not over after ${this.#limit} ms`)
    this.#stepsAtInstant = this.#clock.now === this.#instant ? this.#stepsAtInstant + 1 : 0
    this.#instant = this.#clock.now
    if (this.#stepsAtInstant >= LIVELOCK) {
      throw this.#failure('LVG_SIM_LIVELOCK', `${LIVELOCK} events happened at this one instant`)
    }
  }

  #report<T>(ending: Ending<T>): SimReport<T> {
    if (ending.kind === 'error') throw this.#failed(ending.error)
    return {
      seed: this.#seed,
      value: ending.value,
      hash: this.#trace.hash(),
      trace: this.#trace.lines(),
      steps: this.#steps,
      elapsed: this.#clock.now,
    }
  }

  #failed(cause: unknown): SimFailure {
    return this.#failure('LVG_SIM_FAILED', cause instanceof Error ? cause.message : String(cause), cause)
  }

  #failure(code: string, why: string, cause?: unknown): SimFailure {
    const when = `${(this.#clock.now / 1000).toFixed(3)} s of virtual time, after ${this.#steps} events`
    const message = `The simulation with seed ${this.#seed} failed at ${when}: ${why}`
    return new SimFailure(code, message, { seed: this.#seed, trace: this.#trace.lines(), cause })
  }
}

const STALLED =
  'nothing is left to happen and the scenario still waits: for a promise nobody settles, or for real I/O, which has no place in a simulation'

/** Turns asked for at a time: between two of them Node need not look whether any real I/O is ready, which costs more than a turn. */
const TURNS = 128

/**
 * Calls `turn` until it says that it is over or throws. Before each call Node has emptied the microtask and `nextTick`
 * queues, however long they grew, and has looked for unhandled rejections: it does so between any two immediates.
 */
function turns(turn: () => 'on' | 'over'): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked: NodeJS.Immediate[] = []
    let left = 0
    const end = (settle: () => void): void => {
      for (const one of asked) clearImmediate(one)
      settle()
    }
    const take = (): void => {
      left--
      try {
        if (turn() === 'over') end(resolve)
        else if (left === 0) ask()
      } catch (error) {
        end(() => reject(error))
      }
    }
    const ask = (): void => {
      left = TURNS
      asked = Array.from({ length: TURNS }, () => setImmediate(take))
    }
    ask()
  })
}
