import type { Clock } from '../lib/runtime.js'
import type { Call, Execution } from '../pools/pool.js'
import { Alarm } from './alarm.js'

/** The time limits of everything that runs, on one alarm: soft ones interrupt, hard ones kill. */
export class LimitTimers implements Disposable {
  readonly #clock: Clock
  readonly #alarm: Alarm<() => void>

  constructor(clock: Clock) {
    this.#clock = clock
    this.#alarm = new Alarm(clock, 'steady', ring => ring())
  }

  /** From now on, until what it gives is disposed. */
  set(execution: Execution, { softTimeLimit, timeLimit }: Call): readonly Disposable[] {
    if (softTimeLimit === undefined && timeLimit === undefined) return NO_TIMERS
    const now = this.#clock.steady()
    const timers: Disposable[] = []
    if (softTimeLimit !== undefined) {
      const soft = (): void => execution.interrupt({ kind: 'soft-time-limit', limit: softTimeLimit })
      timers.push(this.#alarm.set(now + softTimeLimit, soft))
    }
    if (timeLimit !== undefined) {
      const hard = (): void => {
        execution.interrupt({ kind: 'hard-time-limit', limit: timeLimit })
        execution.kill('SIGKILL')
      }
      timers.push(this.#alarm.set(now + timeLimit, hard))
    }
    return timers
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]()
  }
}

const NO_TIMERS: readonly Disposable[] = []
