import type { Clock } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Outcome } from '../pools/pool.js'
import { Alarm } from './alarm.js'
import type { Running } from './running.js'

/**
 * Running tasks that are being ended because somebody said so (H60): the task's AbortSignal at once, the signal that was asked
 * for after the grace, KILL after the grace again; each is given to the execution itself, which knows whether it is over, so
 * that nothing else in the same child is hit. KILL is not preceded by anything. Said twice, it is done once.
 *
 * However such a task then ends (it returns early, throws, its child dies), it was ended by us: `outcome` makes it so.
 */
export class Terminations implements Disposable {
  readonly #clock: Pick<Clock, 'steady'>
  readonly #grace: Ms
  readonly #signals = new WeakMap<Running, string>()
  readonly #alarm: Alarm<() => void>

  constructor(clock: Clock, grace: Ms) {
    this.#clock = clock
    this.#grace = grace
    this.#alarm = new Alarm(clock, 'steady', ring => ring())
  }

  /** Of no effect before user code is entered: then the task is refused. */
  begin(running: Running, signal: string): void {
    const { execution } = running
    const before = this.#signals.get(running)
    if (execution === undefined || before === signal || before === 'SIGKILL') return
    this.#signals.set(running, signal)
    execution.interrupt({ kind: 'terminated', signal })
    if (signal === 'SIGKILL') {
      execution.kill(signal)
      return
    }
    if (before !== undefined) return
    const now = this.#clock.steady()
    const timers = [
      this.#alarm.set(now + this.#grace, () => execution.kill(this.#signals.get(running) ?? signal)),
      this.#alarm.set(now + 2 * this.#grace, () => execution.kill('SIGKILL')),
    ]
    void execution.outcome.then(() => {
      for (const timer of timers) timer[Symbol.dispose]()
    })
  }

  outcome(running: Running, outcome: Outcome): Outcome {
    const signal = this.#signals.get(running)
    if (signal === undefined) return outcome
    return { kind: 'cancelled', why: 'terminated', signal, children: outcome.children, runtime: outcome.runtime }
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]()
  }
}
