import { type ManagementTarget, managedBindings, managedQueues } from '../../drivers/amqp/management.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, QueueStats } from '../broker.js'
import type { DeclaredTopology } from './topology.js'

export interface ListingParts {
  readonly management: ManagementTarget | undefined
  readonly topology: Pick<DeclaredTopology, 'queues' | 'bindings'>
  /** The URL, as people may see it. */
  readonly url: string
  stats(queue: QueueName): Promise<QueueStats>
}

/** AMQP cannot list: all there is where the management plugin answers, else what was declared over this connection. */
export class Listing {
  readonly #parts: ListingParts
  #incomplete: string | undefined

  constructor(parts: ListingParts) {
    this.#parts = parts
  }

  /** Why the last one may have missed something. */
  get incomplete(): string | undefined {
    return this.#incomplete
  }

  async queues(): Promise<readonly QueueStats[]> {
    const managed = await this.#managed(managedQueues)
    if (managed !== undefined) {
      // Names come from the broker, which has checked them.
      return managed.map(({ name, ready, held, consumers }) => ({
        queue: name as QueueName,
        ready,
        held,
        delayed: 0,
        consumers,
      }))
    }
    const stats: QueueStats[] = []
    for (const queue of this.#parts.topology.queues) stats.push(await this.#parts.stats(queue))
    return stats
  }

  async bindings(): Promise<readonly Binding[]> {
    const managed = await this.#managed(managedBindings)
    if (managed === undefined) return this.#parts.topology.bindings
    return managed.map(({ queue, exchangeType, ...rest }) => ({
      ...rest,
      exchangeType: exchangeType as Binding['exchangeType'],
      queue: queue as QueueName,
    }))
  }

  async #managed<T>(ask: (target: ManagementTarget) => Promise<T | undefined>): Promise<T | undefined> {
    const { management, url } = this.#parts
    const answer = management === undefined ? undefined : await ask(management)
    const where = management === undefined ? '' : ` at ${management.url}`
    this.#incomplete =
      answer === undefined
        ? `AMQP cannot list what ${url} has, and its management plugin does not answer${where} (rabbitmqManagementUrl): shown is only what is declared here.`
        : undefined
    return answer
  }
}
