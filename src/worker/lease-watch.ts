import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'

export interface LeaseWatchParts {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  /** Something is held here, so there is something to lose. */
  holding(): boolean
  /** Leases may have run out. */
  suspect(): boolean
  /** Asks for each token. */
  check(): Promise<void>
}

/** How often a connection with leases is asked whether they are still trusted (D25). */
const LEASE_CHECK: Ms = 1000

/** Watches over the leases of one connection while anything is held; in between no timer runs. */
export class LeaseWatch implements Disposable {
  readonly #parts: LeaseWatchParts
  #timer: Disposable | undefined
  #over = false

  constructor(parts: LeaseWatchParts) {
    this.#parts = parts
    // From an earlier connection something may be left.
    this.wake()
  }

  /** A delivery has come. */
  wake(): void {
    if (this.#timer !== undefined || this.#over) return
    this.#timer = this.#parts.runtime.clock.timer(LEASE_CHECK, () => this.#look())
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#timer?.[Symbol.dispose]()
  }

  #look(): void {
    this.#timer = undefined
    if (!this.#parts.holding()) return
    this.wake()
    if (!this.#parts.suspect()) return
    this.#parts.check().catch(error => {
      this.#parts.runtime.log.error(
        `Leases could not be checked: ${error instanceof Error ? error.message : String(error)}`,
      )
    })
  }
}
