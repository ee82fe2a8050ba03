import type { SimRandom } from './sim-random.js'

/*
 * What is legal and hardly ever happens (reliability §13.8): each quirk is something that a port's contract allows, done far more
 * often than any real place would do it. They are put into the simulator's ports, and never into the product: what is published
 * has no place for them.
 */

export type Quirk =
  | 'short-claim'
  | 'empty-claim'
  | 'spurious-wake'
  | 'early-doubt'
  | 'balk'
  | 'late-timer'
  | 'lone-delivery'
  | 'early-flag'
  | 'slow-sweep'

/** How likely each is, each time that it may happen. */
const CHANCES = Object.freeze<Record<Quirk, number>>({
  /** A claim brings one message where more were asked for, and more are there. */
  'short-claim': 0.5,
  /** A claim brings nothing, though there is something. */
  'empty-claim': 0.2,
  /** Whoever waits for messages is woken for nothing. */
  'spurious-wake': 0.2,
  /** A session does not trust its leases: for all that it knows, the last renewal has failed. */
  'early-doubt': 0.3,
  /** A call is given up before anything was sent. */
  balk: 0.05,
  /** A timer rings late: the loop was busy. */
  'late-timer': 0.1,
  /** What is delivered at one instant arrives message by message. */
  'lone-delivery': 0.5,
  /** A message that nobody has seen yet is flagged as delivered before. */
  'early-flag': 0.2,
  /** Who has found a dead holder takes up to a lease to return what that held: others find it, too, and it may yet renew. */
  'slow-sweep': 0.5,
})

export const QUIRKS: readonly Quirk[] = Object.freeze(Object.keys(CHANCES) as Quirk[])

/** The quirks of one run. Each draws from a stream of its own, so that one more or less does not shift the others. */
export class Quirks {
  readonly #streams: ReadonlyMap<Quirk, SimRandom>
  readonly #saw: (quirk: Quirk) => void

  /** `saw` hears of each that happens. */
  constructor(kinds: readonly Quirk[], random: SimRandom, saw: (quirk: Quirk) => void) {
    this.#streams = new Map(kinds.map(kind => [kind, random.split(kind)]))
    this.#saw = saw
  }

  /** Does it happen, here and now? */
  maybe(quirk: Quirk): boolean {
    if (this.#streams.get(quirk)?.chance(CHANCES[quirk]) !== true) return false
    this.#saw(quirk)
    return true
  }

  /** How far, for a quirk that has a measure; from 0 to below `most`. */
  amount(quirk: Quirk, most: number): number {
    return this.#streams.get(quirk)?.between(0, most) ?? 0
  }
}
