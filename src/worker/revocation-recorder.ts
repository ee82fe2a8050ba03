import { type RecordRevocation, recordRevocation } from '../app/record-revocation.js'
import type { RevocationEntry } from '../app/revocation-entry.js'
import type { ResultBackend } from '../backends/backend.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'

export interface RevocationRecorderParts {
  readonly runtime: Runtime
  readonly backend: ResultBackend | undefined
  readonly ttl: Ms
  readonly resultExpires: Ms | undefined
  dateDone(now: EpochMs): string
}

/** What waits to be kept. Beyond it the oldest are given up: they are known here, and to whoever heard the broadcast. */
const MAX_WAITING = 50_000
/** Entries that are kept together. */
const BATCH = 1000
/** Tries for one batch: about a minute. */
const TRIES = 8
const AGAIN: BackoffRule = { first: 500, cap: 15_000 }

/**
 * Keeps what was revoked here in the store of results, in the background: whoever revokes is answered at once, however slow
 * the store is. One batch after another; while the store is away it is tried again for about a minute, then said and given up.
 */
export class RevocationRecorder implements AsyncDisposable {
  readonly #parts: RevocationRecorderParts
  readonly #stop = new AbortController()
  #waiting: RevocationEntry[] = []
  #work: Promise<void> | undefined

  constructor(parts: RevocationRecorderParts) {
    this.#parts = parts
  }

  record(entries: readonly RevocationEntry[]): void {
    const { backend, runtime } = this.#parts
    if (backend === undefined || entries.length === 0 || this.#stop.signal.aborted) return
    this.#waiting.push(...entries)
    const over = this.#waiting.length - MAX_WAITING
    if (over > 0) {
      this.#waiting.splice(0, over)
      runtime.log.error(`${over} revocations are not kept in ${backend.url}: it is too slow for so many.`)
    }
    this.#work ??= this.#drain(backend).finally(() => {
      this.#work = undefined
    })
  }

  /** Lets what waits be kept, without trying again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#work
  }

  async #drain(backend: ResultBackend): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH)
      await this.#keep(batch, backend)
    }
  }

  async #keep(batch: readonly RevocationEntry[], backend: ResultBackend): Promise<void> {
    const { runtime, ttl, resultExpires, dateDone } = this.#parts
    const how: RecordRevocation = { backend, ttl, resultExpires, dateDone: dateDone(runtime.clock.now()) }
    for (let tries = 1; ; tries++) {
      try {
        await recordRevocation(batch, how)
        return
      } catch (error) {
        if (tries >= TRIES || this.#stop.signal.aborted) {
          const text = error instanceof Error ? error.message : String(error)
          runtime.log.error(`${batch.length} revocations are not kept in ${backend.url}: ${text}`)
          return
        }
        await runtime.clock.sleep(backoff(tries, AGAIN, runtime.random), this.#stop.signal).catch(() => undefined)
      }
    }
  }
}
