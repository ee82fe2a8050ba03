import type { Broker, Connection } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { LimitBook } from '../brokers/limits/limit-book.js'
import type { LimitAnswer, LimitRequest } from '../brokers/limits/limit-store.js'
import type { Clock } from '../lib/runtime.js'
import type { Companion } from './companion.js'

export interface LimitDeskParts {
  /** The store that keeps the limits, where it is not the broker itself. */
  readonly store: Broker | undefined
  /** Node name. */
  readonly name: string
  /** The connection to the broker; undefined while there is none. */
  live(): Connection | undefined
  /** There is another session at the store: it knows nothing of the places that are held here. */
  resumed(): void
}

/** Where the limits of the cluster are asked for: over the worker's own connection, or one to another store. */
export class LimitDesk implements AsyncDisposable {
  readonly #parts: LimitDeskParts
  #connection: Promise<Connection> | undefined
  #opened = 0

  constructor(parts: LimitDeskParts) {
    this.#parts = parts
  }

  async limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    const { store, live } = this.#parts
    const connection = store === undefined ? live() : await this.#connect(store)
    if (connection?.limit === undefined) {
      throw new BrokerError('LVG_NOT_CONNECTED', 'The worker is not connected to its broker.', { transient: true })
    }
    return connection.limit(request)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.[Symbol.asyncDispose]()
    await this.#parts.store?.[Symbol.asyncDispose]()
  }

  #connect(store: Broker): Promise<Connection> {
    this.#connection ??= this.#open(store)
    return this.#connection
  }

  async #open(store: Broker): Promise<Connection> {
    try {
      const connection = await store.connect({ name: this.#parts.name })
      void connection.closed.then(() => {
        this.#connection = undefined
      })
      if (this.#opened++ > 0) this.#parts.resumed()
      return connection
    } catch (error) {
      this.#connection = undefined
      throw error
    }
  }
}

/** Limits that this worker counts by itself. */
export function ownLimits(clock: Clock): (request: LimitRequest) => Promise<readonly LimitAnswer[]> {
  const book = new LimitBook()
  return async request => book.decide(request, { now: clock.steady(), holder: 'self', alive: () => true })
}

/** Each new connection to the broker is another session at its store. */
export function limitsCompanion(resumed: () => void): Companion {
  return {
    name: 'limits',
    async join() {
      resumed()
      return { [Symbol.asyncDispose]: async () => undefined }
    },
  }
}
