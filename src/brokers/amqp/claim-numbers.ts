import type { Random } from '../../lib/runtime.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { Past } from './past.js'

/*
 * A claim's number, in 53 bits: faults first, since no clock can turn them round; then the receiver's wall clock, as two messages
 * of one task have nothing else in common; last a number that tells claims of one instant apart. That one counts the claims of a
 * connection from where chance lets it begin: two of one connection never have the same, two of different ones hardly ever.
 */
const TIES = 2 ** 12
const TICK: Ms = 32
const TIMES = 2 ** 35
const FAULTS = 2 ** 6
/** Ticks are counted from 2025 on, for 34 years. */
const BEGIN: EpochMs = 1_735_689_600_000

/** Numbers the claims of one connection (D45). */
export class ClaimNumbers {
  #tie: number

  constructor(random: Pick<Random, 'next'>) {
    this.#tie = Math.floor(random.next() * TIES)
  }

  /** A copy's is larger than that of the delivery it is a copy of, whatever the clocks say (D95). */
  next(faults: number, now: EpochMs, past: Past | undefined): number {
    const tie = this.#tie
    this.#tie = (tie + 1) % TIES
    const tick = Math.floor((now - BEGIN) / TICK)
    const time = Math.max(0, Math.min(tick, TIMES - 1))
    const own = (Math.min(faults, FAULTS - 1) * TIMES + time) * TIES + tie
    if (past === undefined || own > past.claim) return own
    return Math.min((Math.floor(past.claim / TIES) + 1) * TIES + tie, Number.MAX_SAFE_INTEGER)
  }
}
