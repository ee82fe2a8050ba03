import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'
import type { SimClock } from './sim-clock.js'
import { SimLink, type SimLinkOptions } from './sim-link.js'
import { SimPipe } from './sim-pipe.js'
import { SimProcess } from './sim-process.js'
import { SimRandom } from './sim-random.js'
import type { Trace } from './trace.js'

/** Wall time at a world's instant 0: 2026-01-01T00:00:00Z, so that runs do not depend on when they run. */
export const SIM_EPOCH: EpochMs = 1_767_225_600_000

interface Watch {
  readonly holds: () => boolean
  readonly met: () => void
}

/**
 * Everything a scenario has at hand: processes, links between them and places, time, chance, and the trace. Places (a
 * broker's store, a backend) live in the world itself, on `runtime`, and outlive the processes.
 */
export class SimWorld {
  readonly random: SimRandom
  /** True time, a voice and chance for what belongs to no process: stores, brokers, the scenario. */
  readonly runtime: Runtime
  readonly #self: SimProcess
  readonly #clock: SimClock
  readonly #trace: Trace
  readonly #chance: SimRandom
  readonly #watches = new Set<Watch>()
  readonly #checks: (() => void)[] = []
  readonly #stepped: (() => void)[] = []
  #pids = 0

  constructor(seed: string, clock: SimClock, trace: Trace) {
    this.random = new SimRandom(seed)
    this.#clock = clock
    this.#trace = trace
    this.#chance = this.random.split('processes')
    this.#self = this.process('world')
    this.runtime = this.#self.runtime
  }

  /** True virtual time since the beginning. */
  get now(): SteadyMs {
    return this.#clock.now
  }

  /** Timers that will ring, of whomever. */
  get pending(): number {
    return this.#clock.pending
  }

  /** A new process; a second one of the same name is the next incarnation. `rate`: seconds of its clock per true second; `skew`: how far its wall clock is ahead; `lag`: how late its next timer rings. */
  process(
    name: string,
    options: { readonly rate?: number; readonly skew?: Ms; readonly lag?: (() => Ms) | undefined } = {},
  ): SimProcess {
    const pid = 1000 + this.#pids++
    const { skew = 0, ...pace } = options
    return new SimProcess({
      name,
      pid,
      clock: this.#clock,
      random: this.#chance.split(`${name} ${pid}`),
      epoch: SIM_EPOCH + skew,
      logLevel: this.#trace.full ? 'info' : 'critical',
      trace: (kind, detail) => this.#trace.add(this.#clock.now, name, kind, detail),
      ...pace,
    })
  }

  /** Steps the wall clock of all places at once. */
  stepWallClock(by: Ms): void {
    this.#self.stepWallClock(by)
    for (const hear of this.#stepped) hear()
  }

  /** `hear` is called after each step of the places' wall clock. */
  onStep(hear: () => void): void {
    this.#stepped.push(hear)
  }

  link(process: SimProcess, options: SimLinkOptions): SimLink {
    const random = this.#chance.split(`link ${process.name} ${process.runtime.host.pid} ${options.place}`)
    const trace = (kind: string, detail: string): void => this.#trace.add(this.now, process.name, kind, detail)
    return new SimLink(process, { clock: this.#clock, random, trace }, options)
  }

  /** One direction of a connection within a host. */
  pipe(delay: () => Ms): SimPipe {
    return new SimPipe(this.#clock, delay)
  }

  /** Something the scenario does at a later instant: a fault, a heal, a look. */
  after(ms: Ms, act: () => void): Disposable {
    return this.#clock.schedule(ms, act)
  }

  sleep(ms: Ms): Promise<void> {
    return new Promise(resolve => this.#clock.schedule(ms, resolve))
  }

  /** Resolves as soon as `holds`; rejects when it does not within `bound`. Looked at after every event. */
  until(what: string, holds: () => boolean, bound: Ms): Promise<void> {
    const { promise, resolve, reject } = deferred()
    const watch: Watch = { holds, met: resolve }
    this.#watches.add(watch)
    const limit = this.#clock.schedule(bound, () => {
      this.#watches.delete(watch)
      reject(new Error(`not within ${bound} ms of virtual time: ${what}`))
    })
    return promise.finally(() => limit[Symbol.dispose]())
  }

  /** An invariant: `check` runs after every event and fails the run by throwing. */
  always(check: () => void): void {
    this.#checks.push(check)
  }

  /** A line of the scenario's own in the trace. */
  note(text: string): void {
    this.#trace.add(this.now, 'world', 'note', text)
  }

  /** Something legal and unlikely happens. */
  quirk(what: string): void {
    this.#trace.add(this.now, 'world', 'quirk', what)
  }

  /** Runs the invariants and wakes whoever waits `until` something that has come true. For the loop that drives the world. */
  observe(): 'unchanged' | 'woken' {
    for (const check of this.#checks) check()
    let woken = false
    for (const watch of this.#watches) {
      if (!watch.holds()) continue
      this.#watches.delete(watch)
      watch.met()
      woken = true
    }
    return woken ? 'woken' : 'unchanged'
  }
}
