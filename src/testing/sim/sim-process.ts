import { createLog } from '../../lib/log.js'
import type { Clock, Log, LogFields, LogLevel, Runtime } from '../../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'
import type { SimClock } from './sim-clock.js'
import type { SimRandom } from './sim-random.js'

export interface SimProcessOptions {
  readonly name: string
  readonly pid: number
  readonly clock: SimClock
  readonly random: SimRandom
  /** Wall time of the world's instant 0. */
  readonly epoch: EpochMs
  /** Seconds of this process per second of the world; default 1. */
  readonly rate?: number
  /** How late the next timer rings; default: never. */
  readonly lag?: (() => Ms) | undefined
  readonly trace: (kind: string, detail: string) => void
  /** Log lines that are written into the trace. Default `info`. */
  readonly logLevel?: LogLevel
}

export type SimProcessState = 'running' | 'frozen' | 'dead'

/**
 * One process of a simulated world. It reaches the world only by its `runtime` and by links (sim-link.ts), and both
 * hand everything over through `deliver`.
 *
 * - running: timers ring, answers arrive.
 * - frozen (SIGSTOP, a long collection, a sleeping laptop): time passes by, but timers and answers wait; `thaw` hands
 *   them over one by one, in the order they came.
 * - dead (`kill`, as kill −9): nothing it awaits ever settles and no timer rings. No `finally` runs, as in life. Calls in
 *   flight may still reach the other side.
 */
export class SimProcess {
  readonly name: string
  readonly runtime: Runtime
  readonly #clock: SimClock
  readonly #trace: SimProcessOptions['trace']
  readonly #timers = new Set<Disposable>()
  readonly #mourners = new Set<() => void>()
  readonly #local: ProcessClock
  #state: SimProcessState | 'thawing' = 'running'
  #waiting: (() => void)[] = []
  #stepped = false
  #wrong: Ms = 0
  #thawedAt: SteadyMs | undefined

  constructor(options: SimProcessOptions) {
    this.name = options.name
    this.#clock = options.clock
    this.#trace = options.trace
    this.#local = new ProcessClock(options, (ms, ring) => this.#schedule(ms, ring))
    this.runtime = {
      clock: this.#local,
      random: options.random,
      log: this.#log(options.logLevel ?? 'info'),
      host: {
        name: `${options.name}.sim`,
        pid: options.pid,
        cpus: 2,
        system: 'Sim',
        loadAverage: () => [0, 0, 0],
      },
    }
    this.#trace('start', `pid=${options.pid}`)
  }

  get state(): SimProcessState {
    return this.#state === 'thawing' ? 'running' : this.#state
  }

  get alive(): boolean {
    return this.#state !== 'dead'
  }

  /** kill −9, effective at once; twice is fine. */
  kill(): void {
    if (this.#state === 'dead') return
    this.#trace('kill', '')
    this.#state = 'dead'
    this.#waiting = []
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers.clear()
    for (const mourn of this.#mourners) mourn()
    this.#mourners.clear()
  }

  freeze(): void {
    if (this.#state === 'dead') return
    this.#trace('freeze', '')
    this.#state = 'frozen'
  }

  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#trace('thaw', `waiting=${this.#waiting.length}`)
    this.#state = 'thawing'
    this.#thawedAt = this.#clock.now
    this.#clock.schedule(0, () => this.#handOver())
  }

  /** Steps the wall clock, as an administrator or NTP does. The steady clock does not notice. */
  stepWallClock(by: Ms): void {
    this.#trace('clock', `step=${by}`)
    this.#stepped = true
    this.#wrong += by
    this.#local.step(by)
  }

  /** Has its wall clock been stepped? */
  get stepped(): boolean {
    return this.#stepped
  }

  /** Did it stand still, at least for a moment, at or after that instant of the world? */
  silentSince(instant: SteadyMs): boolean {
    return this.#state !== 'running' || (this.#thawedAt !== undefined && this.#thawedAt >= instant)
  }

  /** Takes back every step: the clock is set right. */
  setClockRight(): void {
    if (this.#wrong !== 0) this.stepWallClock(-this.#wrong)
  }

  /** What the world does to the process enters here. The process runs it now, after thawing, or never. */
  deliver(act: () => void): void {
    if (this.#state === 'running') act()
    else if (this.#state !== 'dead') this.#waiting.push(act)
  }

  /** Calls `mourn` at the instant of death; disposing takes it back. */
  onDeath(mourn: () => void): Disposable {
    this.#mourners.add(mourn)
    return { [Symbol.dispose]: () => void this.#mourners.delete(mourn) }
  }

  /** The instant of this process's steady clock that belongs to an instant of the world. */
  steadyAt(instant: SteadyMs): SteadyMs {
    return this.#local.steadyAt(instant)
  }

  #handOver(): void {
    if (this.#state !== 'thawing') return
    const act = this.#waiting.shift()
    if (act === undefined) {
      this.#state = 'running'
      return
    }
    act()
    this.#clock.schedule(0, () => this.#handOver())
  }

  #schedule(ms: Ms, ring: () => void): Disposable {
    if (this.#state === 'dead') return NO_TIMER
    return new ProcessTimer(this, ring, this.#timers, due => this.#clock.schedule(ms, due), this.#trace)
  }

  #log(from: LogLevel): Log {
    const write = (level: LogLevel, message: string, _fields: LogFields): void => {
      if (this.#state !== 'dead') this.#trace('log', `${level} ${message}`)
    }
    return createLog({ write }, from)
  }
}

const NO_TIMER: Disposable = { [Symbol.dispose]: () => {} }

/** A timer of one process: rings where the process runs when it is due, or later, or never. */
class ProcessTimer implements Disposable {
  readonly #process: SimProcess
  readonly #ring: () => void
  readonly #all: Set<Disposable>
  readonly #trace: SimProcessOptions['trace']
  readonly #inWorld: Disposable
  #cancelled = false

  constructor(
    process: SimProcess,
    ring: () => void,
    all: Set<Disposable>,
    schedule: (due: () => void) => Disposable,
    trace: SimProcessOptions['trace'],
  ) {
    this.#process = process
    this.#ring = ring
    this.#all = all
    this.#trace = trace
    this.#inWorld = schedule(() => this.#due())
    all.add(this)
  }

  [Symbol.dispose](): void {
    this.#cancelled = true
    this.#all.delete(this)
    this.#inWorld[Symbol.dispose]()
  }

  #due(): void {
    this.#all.delete(this)
    this.#process.deliver(() => this.#arrive())
  }

  #arrive(): void {
    if (this.#cancelled) return
    this.#trace('timer', '')
    this.#ring()
  }
}

/** No timer is finer than this; real ones are coarser. */
const LEAST: Ms = 0.001

function punctual(): Ms {
  return 0
}

/** The clock as one process sees it: its own wall time, its own pace. */
class ProcessClock implements Clock {
  readonly #world: SimClock
  readonly #schedule: (ms: Ms, ring: () => void) => Disposable
  readonly #rate: number
  readonly #lag: () => Ms
  readonly #born: SteadyMs
  readonly #start: SteadyMs
  #wall: EpochMs

  constructor(options: SimProcessOptions, schedule: (ms: Ms, ring: () => void) => Disposable) {
    this.#world = options.clock
    this.#schedule = schedule
    this.#rate = options.rate ?? 1
    this.#lag = options.lag ?? punctual
    this.#born = options.clock.now
    this.#start = options.random.split('steady').int(0, 1_000_000)
    this.#wall = options.epoch + options.clock.now
  }

  now(): EpochMs {
    return Math.floor(this.#wall + this.steady() - this.#start)
  }

  steady(): SteadyMs {
    return this.steadyAt(this.#world.now)
  }

  steadyAt(instant: SteadyMs): SteadyMs {
    return this.#start + (instant - this.#born) * this.#rate
  }

  step(by: Ms): void {
    this.#wall += by
  }

  timer(ms: Ms, ring: () => void): Disposable {
    // What is left of a span after rounding must still let time pass.
    return this.#schedule(ms > 0 ? Math.max(LEAST, ms / this.#rate) + this.#lag() : 0, ring)
  }

  sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const alarm = this.timer(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = (): void => {
        alarm[Symbol.dispose]()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }
}
