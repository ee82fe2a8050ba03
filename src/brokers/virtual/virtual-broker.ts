import { ConfigError } from '../../lib/errors.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Broker, BrokerFeatures, ConnectOptions } from '../broker.js'
import { VirtualConnection } from './connection.js'
import type { QueueStore } from './queue-store.js'
import { connectionClosed, storeTrouble } from './trouble.js'

export interface VirtualBrokerOptions {
  /** Password masked. */
  readonly url: string
  /** Belongs to the broker from now on: disposed with it. */
  readonly store: QueueStore
  readonly features: BrokerFeatures
  readonly runtime: Pick<Runtime, 'clock'>
  /** For stores that can take part in a transaction of the user's. */
  readonly publishWithin?: Broker['publishWithin']
}

/** A broker whose routing, prefetch, acknowledgement and batching are ours, above any `QueueStore`. */
export function createVirtualBroker(options: VirtualBrokerOptions): VirtualBroker {
  return new VirtualBroker(options)
}

export class VirtualBroker implements Broker {
  readonly url: string
  readonly features: BrokerFeatures
  readonly publishWithin?: NonNullable<Broker['publishWithin']>
  readonly #store: QueueStore
  readonly #runtime: Pick<Runtime, 'clock'>
  readonly #connections = new Set<VirtualConnection>()
  #disposed: Promise<void> | undefined

  constructor(options: VirtualBrokerOptions) {
    this.url = options.url
    this.features = options.features
    if (options.publishWithin !== undefined) this.publishWithin = options.publishWithin
    this.#store = options.store
    this.#runtime = options.runtime
  }

  /** Rejects with `BrokerError`, or with `ConfigError` where the store says that a person must mend something first. */
  async connect(options: ConnectOptions, signal?: AbortSignal): Promise<VirtualConnection> {
    const doing = `connecting to ${this.url}`
    if (this.#disposed !== undefined) throw connectionClosed(doing)
    const session = await this.#store.open({ name: options.name }, signal).catch((cause: unknown) => {
      throw cause instanceof ConfigError ? cause : storeTrouble(doing, cause)
    })
    const connection = new VirtualConnection(session, this.#runtime.clock)
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    if (this.#disposed !== undefined) {
      await connection[Symbol.asyncDispose]()
      throw connectionClosed(doing)
    }
    return connection
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #dispose(): Promise<void> {
    await Promise.all([...this.#connections].map(connection => connection[Symbol.asyncDispose]()))
    await this.#store[Symbol.asyncDispose]()
  }
}
