import type { Evidence } from '../evidence.js'
import type { Execution } from '../journal.js'

/** One numbered invariant (reliability §12). Throws `Violation`. */
export interface Checker {
  readonly invariant: string
  /** Asked at every entering of a handler, which is where safety is lost. */
  entered?(execution: Execution, evidence: Evidence): void
  /** Asked after every event; must be cheap. */
  always?(evidence: Evidence): void
  /** Asked once, when everything is at rest. `evidence.final` is set. */
  atRest?(evidence: Evidence): void
}
