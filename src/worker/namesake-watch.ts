import type { Connection } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { NodeName, QueueName } from '../protocol/ids.js'
import type { Companion } from './companion.js'

export interface NamesakeWatchParts {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  readonly self: NodeName
  /** This worker's mailbox, which is every namesake's, too. */
  readonly mailbox: QueueName
}

const EVERY: Ms = 15_000
/** Seen so often in a row, it is no predecessor whose lease has yet to end. */
const TIMES = 3

/**
 * Notices another living worker of this name (H74) where nobody tells heartbeats to all: both consume one mailbox, and the broker
 * counts its consumers. Of brokers that do not, nothing is learnt.
 */
export class NamesakeWatch implements Companion {
  readonly name = 'watch over namesakes'
  readonly #parts: NamesakeWatchParts
  #told = false

  constructor(parts: NamesakeWatchParts) {
    this.#parts = parts
  }

  async join(connection: Connection, signal: AbortSignal): Promise<AsyncDisposable> {
    const leave = new AbortController()
    const gone = AbortSignal.any([signal, leave.signal])
    const next = (seen: number): Disposable =>
      this.#parts.runtime.clock.timer(EVERY, () => {
        void this.#look(connection, seen).then(now => {
          if (!gone.aborted) timer = next(now)
        })
      })
    let timer = next(0)
    return {
      async [Symbol.asyncDispose]() {
        leave.abort()
        timer[Symbol.dispose]()
      },
    }
  }

  /** How often in a row somebody else was seen. Never rejects. */
  async #look(connection: Connection, seen: number): Promise<number> {
    const { mailbox } = this.#parts
    const stats = await connection.stats(mailbox).catch(() => undefined)
    if (stats === undefined) return seen
    if ((stats.consumers ?? 0) < 2) {
      this.#told = false
      return 0
    }
    if (seen + 1 >= TIMES) this.#tell()
    return seen + 1
  }

  #tell(): void {
    if (this.#told) return
    this.#told = true
    const { self, runtime } = this.#parts
    runtime.log.warning(
      `Another worker lives under the name ${self}. Each command reaches one of the two, and monitors see one. Give each a name of its own: -n one@%h.`,
    )
  }
}
