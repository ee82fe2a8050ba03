import { BackendError } from '../backends/errors.js'
import type { Clock, Log } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'

/** How far a task is. */
export interface ProgressReport {
  readonly current: number
  readonly total: number
  readonly meta: Readonly<Record<string, unknown>>
}

export interface ProgressReportsParts {
  readonly clock: Clock
  readonly log: Log
  store(report: ProgressReport): Promise<void>
}

/** Between two writes, so that a tight loop does not flood a store. */
const EVERY: Ms = 500

/**
 * The progress of one task on its way to the store. The first report and the one that is done (`current` has reached
 * `total`) are written at once; of those in between the newest, twice a second. One write is under way at a time.
 */
export class ProgressReports implements Disposable {
  readonly #parts: ProgressReportsParts
  #newest: ProgressReport | undefined
  #next: SteadyMs = Number.NEGATIVE_INFINITY
  #timer: Disposable | undefined
  #isWriting = false
  #isOver = false

  constructor(parts: ProgressReportsParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the report is stored, or at once where it waits for its turn. Rejects when it cannot be written at all,
   * such as a `meta` that is no plain data; a store that is away is logged, and no reason to fail a task.
   */
  report(report: ProgressReport): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    this.#newest = report
    if (this.#isWriting) return Promise.resolve()
    const wait = report.current >= report.total ? 0 : this.#next - this.#parts.clock.steady()
    if (wait <= 0) return this.#write()
    this.#timer ??= this.#parts.clock.timer(wait, () => this.#writeLater())
    return Promise.resolve()
  }

  /** The task has ended: its end says more than what waits. */
  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
  }

  async #write(): Promise<void> {
    const report = this.#newest
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (report === undefined || this.#isOver) return
    this.#newest = undefined
    this.#next = this.#parts.clock.steady() + EVERY
    this.#isWriting = true
    try {
      await this.#parts.store(report)
    } catch (error) {
      if (!(error instanceof BackendError)) throw error
      this.#parts.log.warning(`Progress could not be stored: ${error.message}`)
    } finally {
      this.#isWriting = false
      this.#goOn()
    }
  }

  /** What came while the last one was written. */
  #goOn(): void {
    const report = this.#newest
    if (report === undefined || this.#isOver) return
    const wait = report.current >= report.total ? 0 : Math.max(0, this.#next - this.#parts.clock.steady())
    this.#timer ??= this.#parts.clock.timer(wait, () => this.#writeLater())
  }

  #writeLater(): void {
    this.#timer = undefined
    this.#write().catch(error => this.#parts.log.warning(`Progress could not be stored: ${String(error)}`))
  }
}
