import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'

export interface FullnessParts {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  /** The URL, as people may see it. */
  readonly shown: string
  /** Fires when the session is over. */
  readonly gone: AbortSignal
}

/** While the server has no room claims find nothing, and verdicts are tried again, after this. */
const PAUSE: Ms = 1000

/** Whether the server has no room for what is written. That is said once, and once that it has room again. */
export class Fullness {
  readonly #parts: FullnessParts
  #full = false

  constructor(parts: FullnessParts) {
    this.#parts = parts
  }

  /** Whether a statement failed for this; then it is known from now on. */
  noticed(error: unknown): boolean {
    if (!(error instanceof PostgresError) || error.trouble !== 'FULL') return false
    if (!this.#full) {
      this.#full = true
      const { runtime, shown } = this.#parts
      const message = `${shown} takes no writes: ${error.message} Publishing is rejected, claiming pauses, acks wait.`
      runtime.log.error(message, { code: error.code })
    }
    return true
  }

  /** A statement has written. */
  over(): void {
    if (!this.#full) return
    this.#full = false
    this.#parts.runtime.log.info(`${this.#parts.shown} takes writes again.`)
  }

  /** Before the next try; rejects when the session is over. */
  async pause(): Promise<void> {
    await this.#parts.runtime.clock.sleep(PAUSE, this.#parts.gone)
  }
}
