import type { App } from '../app/app.js'
import { parseRate } from '../app/rate.js'
import type { TaskPolicy } from '../app/task-options.js'
import type { Ms } from '../lib/time.js'
import type { LimitControl } from './commands/worker-view.js'
import type { Rates } from './throttle.js'

export interface TaskLimitsParts {
  /** `workerDisableRateLimits`: all rates are ignored. */
  readonly disabled: boolean
  /** From now on this task has another rate: whoever waits already drains at the old one. */
  rateChanged(task: string): void
}

/** The limits of tasks, with those that were set while this worker runs (`time_limit`, `rate_limit`) in place of their own. */
export class TaskLimits implements LimitControl, Rates {
  readonly #app: Pick<App, 'policy'>
  readonly #parts: TaskLimitsParts
  readonly #policies = new Map<string, TaskPolicy>()
  readonly #rates = new Map<string, string | number | undefined>()

  constructor(app: Pick<App, 'policy'>, parts: TaskLimitsParts) {
    this.#app = app
    this.#parts = parts
  }

  get ratesDisabled(): boolean {
    return this.#parts.disabled
  }

  /** Was any set at run time? Then tasks without a rate of their own may have one. */
  get anyRateSet(): boolean {
    return this.#rates.size > 0
  }

  policy(task: string): TaskPolicy {
    if (this.#policies.size === 0) return this.#app.policy(task)
    return this.#policies.get(task) ?? this.#app.policy(task)
  }

  /** Both at once, of a registered task; undefined = none of its own. */
  setTimeLimits(task: string, softTimeLimit: Ms | undefined, timeLimit: Ms | undefined): void {
    this.#policies.set(task, { ...this.#app.policy(task), softTimeLimit, timeLimit })
  }

  rateLimit(task: string): string | number | undefined {
    return this.#rates.has(task) ? this.#rates.get(task) : (this.#app.policy(task).limits?.written ?? undefined)
  }

  setRateLimit(task: string, rate: string | number | undefined): void {
    this.#rates.set(task, rate)
    this.#parts.rateChanged(task)
  }

  /** Starts per second of this task in this worker; 0 = no limit. */
  rate(task: string, { limits }: TaskPolicy): number {
    if (this.#parts.disabled) return 0
    // What cannot be read was refused before it was set.
    return this.#rates.has(task) ? (parseRate(this.#rates.get(task)) ?? 0) : (limits?.rate ?? 0)
  }
}
