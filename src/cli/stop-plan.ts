import { type ExitCode, exitBySignal, type SignalName } from './exit-code.js'

/** How a worker stops, gentlest first. `hard` = this process exits now. */
export type StopStage = 'warm' | 'soft' | 'cold' | 'hard'

export interface StopStep {
  /** undefined: the signal changes nothing, it is already stopping so. */
  readonly stage: StopStage | undefined
  readonly exitCode: ExitCode
}

export interface StopRules {
  /** `softShutdownTimeout` is above 0: what would be cold waits that long first. */
  readonly soft: boolean
  /** Environment `REMAP_SIGTERM=SIGQUIT`. */
  readonly termIsQuit: boolean
}

/**
 * What the signals of a worker mean, one after another.
 *
 * | signals           | stages                 |
 * | ----------------- | ---------------------- |
 * | TERM, TERM …      | warm, no change        |
 * | INT, INT, INT     | warm, cold, hard       |
 * | QUIT, QUIT, QUIT  | cold, no change, hard  |
 * | TERM, INT, INT    | warm, cold, hard       |
 *
 * With a soft shutdown timeout `soft` comes before each `cold`, and one signal more until `hard`. The exit status is 0
 * when TERM or QUIT began it and 1 when INT did, as Celery's; after `hard` it is 128 + the signal's number.
 * Source: celery/apps/worker.py; reliability D80.
 */
export class StopPlan {
  readonly #rules: StopRules
  #stage: StopStage | undefined
  #count = 0
  #exitCode: ExitCode = 0

  constructor(rules: StopRules) {
    this.#rules = rules
  }

  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'): StopStep {
    const meaning = signal === 'SIGTERM' && this.#rules.termIsQuit ? 'SIGQUIT' : signal
    if (meaning === 'SIGTERM' && this.#stage !== undefined) return this.#step(undefined)
    this.#count++
    if (this.#count === 1) this.#exitCode = meaning === 'SIGINT' ? 1 : 0
    const next = this.#next(meaning)
    if (next !== undefined) this.#stage = next
    if (next === 'hard') this.#exitCode = exitBySignal(signal satisfies SignalName)
    return this.#step(next)
  }

  #next(meaning: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'): StopStage | undefined {
    switch (this.#stage) {
      case undefined:
        return meaning === 'SIGQUIT' ? this.#firm() : 'warm'
      case 'warm':
        return this.#firm()
      case 'soft':
        return 'cold'
      case 'cold':
        return this.#count >= 3 ? 'hard' : undefined
      case 'hard':
        return undefined
      default:
        return this.#stage satisfies never
    }
  }

  #firm(): StopStage {
    return this.#rules.soft ? 'soft' : 'cold'
  }

  #step(stage: StopStage | undefined): StopStep {
    return { stage, exitCode: this.#exitCode }
  }
}
