import type { EpochMs } from '../lib/time.js'
import type { LateRuns } from './health.js'

/** Entries of which a run is due and cannot be sent, and since when it should have been. */
export class LateEntries {
  readonly #since = new Map<string, EpochMs>()

  /** The first time that is told of an entry counts. */
  add(name: string, since: EpochMs): void {
    if (!this.#since.has(name)) this.#since.set(name, since)
  }

  remove(name: string): void {
    this.#since.delete(name)
  }

  /** Undefined: nothing is late. */
  get runs(): LateRuns | undefined {
    let first: readonly [string, EpochMs] | undefined
    for (const late of this.#since) if (first === undefined || late[1] < first[1]) first = late
    return first === undefined ? undefined : { entries: this.#since.size, entry: first[0], since: first[1] }
  }
}
