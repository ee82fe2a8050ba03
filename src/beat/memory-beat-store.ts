import type { Clock } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { BeatChanges, BeatRecord, BeatStore, Leader, Leadership } from './beat-store.js'

interface Lease {
  readonly holder: string
  readonly term: number
  readonly until: SteadyMs
}

/** What beats share, in this process. Several stores of simulated processes may stand on one. */
export class MemoryBeatStore implements BeatStore {
  readonly url = 'memory://'
  readonly #clock: Pick<Clock, 'steady'>
  readonly #records = new Map<string, { readonly record: BeatRecord; readonly version: number }>()
  #version = 0
  #term = 0
  #lease: Lease | undefined

  constructor(clock: Pick<Clock, 'steady'>) {
    this.#clock = clock
  }

  async lead(holder: string, ttl: Ms): Promise<Leadership> {
    const now = this.#clock.steady()
    const current = this.#current()
    if (current !== undefined && current.holder !== holder) {
      return { kind: 'following', leader: current.holder, left: current.until - now }
    }
    const term = current?.term ?? ++this.#term
    this.#lease = { holder, term, until: now + ttl }
    return { kind: 'leading', term }
  }

  async resign(holder: string): Promise<void> {
    if (this.#lease?.holder === holder) this.#lease = undefined
  }

  async leader(): Promise<Leader | undefined> {
    const current = this.#current()
    if (current === undefined) return undefined
    return { holder: current.holder, term: current.term, left: current.until - this.#clock.steady() }
  }

  async changes(cursor: number): Promise<BeatChanges> {
    const since = [...this.#records.values()].filter(({ version }) => version > cursor)
    return { cursor: this.#version, records: since.map(({ record }) => record) }
  }

  async write(records: readonly BeatRecord[], term?: number): Promise<'written' | 'fenced'> {
    if (term !== undefined && this.#current()?.term !== term) return 'fenced'
    if (records.length > 0) this.#version++
    for (const record of records) this.#records.set(record.key, { record, version: this.#version })
    return 'written'
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #current(): Lease | undefined {
    const lease = this.#lease
    return lease !== undefined && lease.until > this.#clock.steady() ? lease : undefined
  }
}
