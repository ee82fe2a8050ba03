import type { Broker, BrokerFeatures, Connection, ConnectOptions } from '../brokers/broker.js'

/**
 * Several brokers of which any will do: a list of URLs. A connection is made to the first that answers, beginning with
 * the one that answered last; when none does, the last one's error is thrown. Has the features that all of them have.
 */
export class FailoverBroker implements Broker {
  readonly url: string
  readonly features: BrokerFeatures
  readonly #brokers: readonly Broker[]
  #at = 0

  /** At least one. */
  constructor(brokers: readonly [Broker, ...Broker[]]) {
    this.#brokers = brokers
    this.url = brokers.map(broker => broker.url).join(';')
    const all = brokers.map(broker => broker.features)
    this.features = {
      delays: all.every(features => features.delays),
      publishDedupe: all.every(features => features.publishDedupe),
      leases: all.some(features => features.leases),
      exchanges: brokers[0].features.exchanges.filter(type => all.every(features => features.exchanges.includes(type))),
      durable: all.every(features => features.durable),
    }
  }

  async connect(options: ConnectOptions, signal?: AbortSignal): Promise<Connection> {
    let trouble: unknown
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
