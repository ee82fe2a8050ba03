import { type Deferred, deferred } from '../lib/deferred.js'
import { errorText } from '../lib/error-text.js'
import type { Log } from '../lib/runtime.js'

/** Every promise has an owner: counted here, waited for by `drained`; what still goes wrong is our own bug, and said. */
export class OwnedWork {
  readonly #log: Log
  readonly #disown = (): void => {
    this.#works--
    if (this.#works === 0) this.#drained?.resolve()
  }
  readonly #disownFailed = (error: unknown): void => {
    this.#log.critical(`Internal error while handling a delivery: ${errorText(error)}`, { error })
    this.#disown()
  }
  #works = 0
  #drained: Deferred<void> | undefined

  constructor(log: Log) {
    this.#log = log
  }

  get size(): number {
    return this.#works
  }

  own(work: Promise<unknown>): void {
    this.#works++
    work.then(this.#disown, this.#disownFailed)
  }

  /** Resolves when nothing is left. */
  async drained(): Promise<void> {
    if (this.#works === 0) return
    this.#drained ??= deferred()
    await this.#drained.promise
  }
}
