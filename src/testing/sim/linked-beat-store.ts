import type { BeatChanges, BeatRecord, BeatStore, Leader, Leadership } from '../../beat/beat-store.js'
import { BeatStoreError } from '../../beat/errors.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { SimChannel } from './sim-channel.js'
import type { SimLink } from './sim-link.js'

/** What the real stores' connections wait for an answer. */
const ANSWER_TIMEOUT: Ms = 5000

/** A beat store as a process reaches it over a link: connects when first needed, and again after a loss or a silence. */
export class LinkedBeatStore implements BeatStore {
  readonly url: string
  readonly #clock: Pick<Clock, 'timer'>
  readonly #link: SimLink
  readonly #store: BeatStore
  #channel: SimChannel | undefined

  constructor(clock: Pick<Clock, 'timer'>, link: SimLink, store: BeatStore) {
    this.url = store.url
    this.#clock = clock
    this.#link = link
    this.#store = store
  }

  lead(holder: string, ttl: Ms): Promise<Leadership> {
    return this.#call('lead', () => this.#store.lead(holder, ttl))
  }

  resign(holder: string): Promise<void> {
    return this.#call('resign', () => this.#store.resign(holder))
  }

  leader(): Promise<Leader | undefined> {
    return this.#call('leader', () => this.#store.leader())
  }

  changes(cursor: number): Promise<BeatChanges> {
    return this.#call('changes', () => this.#store.changes(cursor))
  }

  write(records: readonly BeatRecord[], term?: number): Promise<'written' | 'fenced'> {
    return this.#call('write', () => this.#store.write(records, term))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel?.close()
  }

  async #call<T>(verb: string, act: () => Promise<T>): Promise<T> {
    if (this.#channel?.open !== true) this.#channel = this.#link.connect(trouble)
    const channel = this.#channel
    using _silence = this.#clock.timer(ANSWER_TIMEOUT, () => channel.cut())
    return await channel.call(verb, act)
  }
}

function trouble(verb: string, sent: boolean): BeatStoreError {
  const message = `The simulated connection to the beat store is gone ${sent ? 'while' : 'before'} '${verb}'.`
  return new BeatStoreError('LVG_SIM_CONNECTION', message, { transient: true })
}
