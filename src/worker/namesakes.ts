import type { ReceivedEvent } from '../events/received-event.js'
import type { SteadyMs } from '../lib/time.js'

/** Processes of one name that are remembered; there should be none. */
const MOST = 100

/**
 * Other living processes that bear this worker's name (H74). One sign of life may be the last of a process that was just
 * replaced by this one; the second, at another moment, is not.
 */
export class Namesakes {
  readonly #own: number
  readonly #seen = new Map<number, { readonly first: SteadyMs; told: boolean }>()

  /** `own`: process id. */
  constructor(own: number) {
    this.#own = own
  }

  /** A sign of life under our own name. The process id of a namesake when it is certain, and new. */
  notice({ type, pid, seenAt }: Pick<ReceivedEvent, 'type' | 'pid' | 'seenAt'>): number | undefined {
    if (pid === undefined || pid === this.#own) return undefined
    if (type === 'worker-offline') {
      this.#seen.delete(pid)
      return undefined
    }
    const seen = this.#seen.get(pid)
    if (seen === undefined) {
      if (this.#seen.size < MOST) this.#seen.set(pid, { first: seenAt, told: false })
      return undefined
    }
    if (seen.told || seen.first === seenAt) return undefined
    seen.told = true
    return pid
  }
}
