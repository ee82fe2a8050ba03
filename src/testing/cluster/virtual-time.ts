import { LovageError } from '../../lib/errors.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { SimClock } from '../sim/sim-clock.js'
import { type RealWork, realTime, turnOfTheLoop } from './real-work.js'

/** Events at one virtual instant that count as going round in circles. */
const LIVELOCK = 1_000_000

export interface VirtualTimeParts {
  readonly clock: SimClock
  readonly realWork: RealWork
  /** Longest wait in real time for handlers that may be busy with something real. */
  readonly patience: Ms
  /** Some handler may be busy with something real. */
  busy(): boolean
  /** Patience is over. */
  giveUp(): void
}

export interface RunOptions {
  /** Ends the run before `target`; looked at after every event. */
  readonly done?: () => boolean
}

/**
 * Moves virtual time, event by event, in the order that the seed gives. Between two events all microtasks run out. While
 * a handler may be busy with something real, time stands still.
 */
export class VirtualTime {
  readonly #parts: VirtualTimeParts
  #turn: Promise<void> = Promise.resolve()
  #drives = 0

  constructor(parts: VirtualTimeParts) {
    this.#parts = parts
  }

  get now(): SteadyMs {
    return this.#parts.clock.now
  }

  /** When something happens next. */
  get due(): SteadyMs | undefined {
    return this.#parts.clock.due
  }

  /** Grows whenever somebody begins or ends moving time. */
  get drives(): number {
    return this.#drives
  }

  /** One after the other. */
  drive<T>(act: () => Promise<T>): Promise<T> {
    this.#drives++
    const driven = this.#turn.then(act).finally(() => this.#drives++)
    this.#turn = driven.then(
      () => undefined,
      () => undefined,
    )
    return driven
  }

  /** Everything up to `target`, included, has happened; or `done` became true. Only within `drive`. */
  async run(target: SteadyMs, { done }: RunOptions = {}): Promise<void> {
    const { clock } = this.#parts
    let atInstant = 0
    for (;;) {
      await turnOfTheLoop()
      if (done?.() === true) return
      const due = clock.due
      if (due === undefined || due > clock.now) {
        if (await this.#somethingReal(done)) continue
        if (done?.() === true) return
        if (due === undefined || due > target) return this.#arrive(target)
        atInstant = 0
      }
      if (++atInstant > LIVELOCK) throw livelock()
      clock.step()
    }
  }

  /** True when there was something real to wait for, or something has happened meanwhile. */
  async #somethingReal(done: (() => boolean) | undefined): Promise<boolean> {
    const { clock, realWork, patience } = this.#parts
    const { due } = clock
    const began = realTime()
    let waited = false
    while (this.#parts.busy() && clock.due === due && done?.() !== true) {
      if (!(await realWork.wait())) return clock.due !== due
      waited = true
      if (realTime() - began > patience) this.#parts.giveUp()
    }
    return waited
  }

  #arrive(target: SteadyMs): void {
    const { clock } = this.#parts
    if (target <= clock.now) return
    clock.schedule(target - clock.now, () => undefined)
    clock.step()
  }
}

function livelock(): LovageError {
  return new LovageError(
    'LVG_CLUSTER_LIVELOCK',
    `${LIVELOCK} events happened at one instant of virtual time: something goes round in circles, such as a task that publishes itself without a countdown.`,
  )
}
