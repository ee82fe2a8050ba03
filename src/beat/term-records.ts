import { Batcher } from '../lib/batcher.js'
import type { Ms } from '../lib/time.js'
import type { BeatParts } from './beat-parts.js'
import type { BeatRecord } from './beat-store.js'
import type { Lead } from './lead.js'

/** Records of one write. */
const WRITE_MOST = 500
/** A write that failed is tried again after. */
const AGAIN_AFTER: Ms = 1000

/** What a leader writes to the store in its term. When the store refuses it, since a later term has begun, the lead is lost. */
export class TermRecords {
  readonly #parts: Pick<BeatParts, 'runtime' | 'store'>
  readonly #lead: Pick<Lead, 'term' | 'lost'>
  readonly #term: number
  readonly #saves: Batcher<BeatRecord, 'written' | 'fenced', 'written' | 'fenced' | 'failed'>

  constructor(parts: Pick<BeatParts, 'runtime' | 'store'>, lead: Pick<Lead, 'term' | 'lost'>, term: number) {
    this.#parts = parts
    this.#lead = lead
    this.#term = term
    this.#saves = new Batcher({
      maxCount: WRITE_MOST,
      send: async records => {
        const written = await parts.store.write(records, term)
        return records.map(() => written)
      },
      answer: (_record, written) => written,
      abandoned: async () => 'failed' as const,
    })
  }

  /** All of them, tried once. False: the lead is lost. Rejects with `BeatStoreError`. */
  async write(records: readonly BeatRecord[]): Promise<boolean> {
    for (let at = 0; at < records.length; at += WRITE_MOST) {
      const written = await this.#parts.store.write(records.slice(at, at + WRITE_MOST), this.#term)
      if (written === 'fenced') {
        this.#fenced()
        return false
      }
    }
    return true
  }

  /** One, together with others of the same turn, until it is written or the term is over. Never rejects. */
  async save(record: BeatRecord): Promise<void> {
    const { runtime, store } = this.#parts
    while (this.#lead.term === this.#term) {
      const written = await this.#saves.ask(record)
      if (written === 'written') return
      if (written === 'fenced') {
        this.#fenced()
        return
      }
      runtime.log.warning(`Beat cannot write to ${store.url}. Tried again in 1 s.`)
      await runtime.clock.sleep(AGAIN_AFTER)
    }
  }

  #fenced(): void {
    this.#parts.runtime.log.warning(`Beat has lost the lead of term ${this.#term}.`)
    this.#lead.lost()
  }
}
