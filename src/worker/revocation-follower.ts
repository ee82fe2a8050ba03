import { MAX_REVOCATIONS } from '../app/record-revocation.js'
import { type RevocationEntry, readRevocationEntry } from '../app/revocation-entry.js'
import { DamagedResultsError } from '../backends/errors.js'
import type { RevocationLog } from '../backends/revocation-log.js'
import { deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'

export interface RevocationFollowerParts {
  readonly runtime: Runtime
  /** Undefined: the store keeps none. */
  readonly log: RevocationLog | undefined
  /** `revokeTtl`. */
  readonly ttl: Ms
  /** `age`: how long ago it was revoked. */
  learn(entries: readonly AgedEntry[]): void
}

export interface AgedEntry {
  readonly entry: RevocationEntry
  readonly age: Ms
}

/** The start of a worker waits so long for the log (H12, H58). */
const START_PATIENCE: Ms = 5000

/** While there is work the log is looked at so often, in case a broadcast was lost. An idle worker asks nothing. */
const LOOK_EVERY: Ms = 30_000

/**
 * Reads what was revoked while this worker was not listening (H57): before it takes its first message, after every connection,
 * and now and then while it has work. Never a question per task.
 */
export class RevocationFollower implements AsyncDisposable {
  readonly #parts: RevocationFollowerParts
  #cursor = ''
  #lookedAt: SteadyMs = Number.NEGATIVE_INFINITY
  #look: Promise<void> | undefined
  #damage: DamagedResultsError | undefined
  #closed = false

  constructor(parts: RevocationFollowerParts) {
    this.#parts = parts
  }

  /**
   * Everything that is kept. A store that does not answer in time is not waited for. Rejects with `DamagedResultsError` alone:
   * the file was put aside just now, and whoever came next would find a new one and say nothing.
   */
  async start(): Promise<void> {
    const { clock, log } = this.#parts.runtime
    if (this.#parts.log === undefined) return
    const late = deferred<'late'>()
    using _timer = clock.timer(START_PATIENCE, () => late.resolve('late'))
    const first = await Promise.race([this.lookNow(), late.promise])
    if (this.#damage !== undefined) throw this.#damage
    if (first === 'late') log.warning('What was revoked before is not known yet: the result backend does not answer.')
  }

  /** Asked for every delivery: mostly does nothing. */
  look(): void {
    if (this.#parts.log === undefined || this.#look !== undefined) return
    if (this.#parts.runtime.clock.steady() - this.#lookedAt >= LOOK_EVERY) void this.lookNow()
  }

  /** Never rejects. */
  lookNow(): Promise<void> {
    const { log } = this.#parts
    if (log === undefined || this.#closed) return Promise.resolve()
    this.#lookedAt = this.#parts.runtime.clock.steady()
    this.#look ??= this.#read(log).finally(() => {
      this.#look = undefined
    })
    return this.#look
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#look
  }

  async #read(log: RevocationLog): Promise<void> {
    const { ttl, runtime, learn } = this.#parts
    try {
      const page = await log.after(this.#cursor, MAX_REVOCATIONS)
      this.#cursor = page.cursor
      const entries = page.entries.flatMap(({ entry, left }) => {
        const read = readRevocationEntry(entry)
        return read === undefined ? [] : [{ entry: read, age: Math.max(0, ttl - left) }]
      })
      if (entries.length > 0 && !this.#closed) learn(entries)
    } catch (error) {
      if (error instanceof DamagedResultsError) this.#damage = error
      runtime.log.debug(`Revocations could not be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
