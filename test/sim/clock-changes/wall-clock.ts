import type { EpochMs, Ms } from '../../../src/lib/time.js'

export const MINUTE: Ms = 60_000
export const HOUR: Ms = 3_600_000
/** At other instants than these nobody sets his clock. */
const QUARTER: Ms = 900_000

/** What the clock on the wall shows in a zone, as `Intl` has it: nothing of the product is asked. */
export class WallClock {
  readonly #format: Intl.DateTimeFormat
  readonly #offsets = new Map<EpochMs, Ms>()

  constructor(zone: string) {
    const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...fields })
  }

  /** As milliseconds since it showed 1970-01-01 00:00. */
  at(instant: EpochMs): number {
    const quarter = Math.floor(instant / QUARTER) * QUARTER
    const known = this.#offsets.get(quarter)
    if (known !== undefined) return instant + known
    const parts = Object.fromEntries(
      this.#format.formatToParts(quarter).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts
    const offset = Date.UTC(year, month - 1, day, hour, minute) - quarter
    this.#offsets.set(quarter, offset)
    return instant + offset
  }
}
