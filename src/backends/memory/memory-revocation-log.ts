import type { Clock } from '../../lib/runtime.js'
import type { SteadyMs } from '../../lib/time.js'
import type { RevocationKeep, RevocationLog, RevocationPage } from '../revocation-log.js'

interface Kept {
  readonly seq: number
  until: SteadyMs
}

/** Entries in the order in which they came; the cursor is the number of the last one seen. */
export class MemoryRevocationLog implements RevocationLog {
  readonly #clock: Pick<Clock, 'steady'>
  readonly #kept = new Map<string, Kept>()
  #seq = 0

  constructor(clock: Pick<Clock, 'steady'>) {
    this.#clock = clock
  }

  async append(entries: readonly string[], { ttl, max }: RevocationKeep): Promise<void> {
    const now = this.#clock.steady()
    for (const entry of entries) {
      const known = this.#kept.get(entry)
      if (known === undefined) this.#kept.set(entry, { seq: ++this.#seq, until: now + ttl })
      else known.until = Math.max(known.until, now + ttl)
    }
    for (const [entry, { until }] of this.#kept) {
      if (until > now && this.#kept.size <= max) break
      this.#kept.delete(entry)
    }
  }

  async after(cursor: string, limit: number): Promise<RevocationPage> {
    const now = this.#clock.steady()
    const from = Number(cursor)
    const found = [...this.#kept].filter(([, { seq }]) => seq > from).slice(0, limit)
    const entries = found.flatMap(([entry, { until }]) => (until > now ? [{ entry, left: until - now }] : []))
    return { entries, cursor: String(found.at(-1)?.[1].seq ?? from) }
  }
}
