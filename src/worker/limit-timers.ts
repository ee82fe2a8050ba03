import type { Clock } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { Call, Execution } from '../pools/pool.js'
import { Alarm } from './alarm.js'

/**
 * The time limits of everything that runs, on one alarm: soft ones interrupt, hard ones kill. One that came back from its member,
 * which had not begun it after all, has all of its time again where it begins.
 */
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
    const timers: Disposable[] = []
    if (softTimeLimit !== undefined) {
      const soft = (): void => execution.interrupt({ kind: 'soft-time-limit', limit: softTimeLimit })
      timers.push(this.#after(softTimeLimit, execution, soft))
    }
    if (timeLimit !== undefined) {
      const hard = (): void => {
        execution.interrupt({ kind: 'hard-time-limit', limit: timeLimit })
        execution.kill('SIGKILL')
      }
      timers.push(this.#after(timeLimit, execution, hard))
    }
    return timers
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]()
  }

  #after(limit: Ms, execution: Execution, act: () => void): Disposable {
    let over = false
    let timer: Disposable | undefined
    const count = (since: SteadyMs): void => {
      if (!over) timer = this.#alarm.set(since + limit, ring)
    }
    const ring = (): void => {
      const { where } = execution
      if (where === undefined) void execution.accepted.then(({ at }) => count(at))
      else if (where.at + limit > this.#clock.steady()) count(where.at)
      else act()
    }
    count(this.#clock.steady())
    return {
      [Symbol.dispose]: () => {
        over = true
        timer?.[Symbol.dispose]()
      },
    }
  }
}

const NO_TIMERS: readonly Disposable[] = []
