import type { Broker, BrokerFeatures, Connection, ConnectOptions } from '../brokers/broker.js'
import type { Random } from '../lib/runtime.js'

/**
 * Several brokers of which any will do: a list of URLs. A connection is made to the first that answers, beginning with
 * the one that answered last; when none does, the last one's error is thrown. Has the features that all of them have.
 */
export class FailoverBroker implements Broker {
  readonly url: string
  readonly features: BrokerFeatures
  readonly #brokers: readonly Broker[]
  readonly #shuffle: Pick<Random, 'next'> | undefined
  #at = 0

  /** `shuffle`: instead of going on in turn, each connection begins with one drawn by it. */
  constructor(brokers: readonly [Broker, ...Broker[]], shuffle?: Pick<Random, 'next'>) {
    this.#brokers = brokers
    this.#shuffle = shuffle
    this.url = brokers.map(broker => broker.url).join(';')
    const all = brokers.map(broker => broker.features)
    this.features = {
      delays: all.every(features => features.delays),
      parking: all.every(features => features.parking ?? features.delays),
      publishDedupe: all.every(features => features.publishDedupe),
      leases: all.some(features => features.leases),
      exchanges: brokers[0].features.exchanges.filter(type => all.every(features => features.exchanges.includes(type))),
      durable: all.every(features => features.durable),
      limits: all.every(features => features.limits === true),
    }
  }

  async connect(options: ConnectOptions, signal?: AbortSignal): Promise<Connection> {
    let trouble: unknown
    if (this.#shuffle !== undefined) this.#at = Math.floor(this.#shuffle.next() * this.#brokers.length)
    for (let tries = 0; tries < this.#brokers.length; tries++) {
      const broker = this.#brokers[this.#at] as Broker
      try {
        return await broker.connect(options, signal)
      } catch (error) {
        if (signal?.aborted) throw error
        trouble = error
        this.#at = (this.#at + 1) % this.#brokers.length
      }
    }
    throw trouble
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#brokers.map(broker => broker[Symbol.asyncDispose]()))
  }
}
