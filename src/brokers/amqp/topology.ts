import type { AmqpChannel, AmqpQueueOptions } from '../../drivers/amqp/amqp-channel.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Address, Binding, Exchange, Queue, Topology } from '../broker.js'
import { type TopologyParts, topologyParts } from '../virtual/routing.js'

/**
 * Declares exchanges, queues and bindings, each once per connection. Arguments are Celery's and the user's, never ours:
 * a differing one would lock the other side out (D30). `passive` (for accounts that may not declare): only asks whether
 * they exist.
 */
export class DeclaredTopology {
  readonly #passive: boolean
  readonly #done = new Set<string>()
  readonly #types = new Map<string, Exchange['type']>()
  readonly #queues = new Set<QueueName>()
  readonly #own = new Map<string, Address>()
  readonly #bindings = new Map<string, Binding>()

  constructor(passive: boolean) {
    this.#passive = passive
  }

  get queues(): readonly QueueName[] {
    return [...this.#queues]
  }

  get bindings(): readonly Binding[] {
    return [...this.#bindings.values()]
  }

  /** Where a queue is reached without the default exchange; what nobody has declared here follows Celery's custom. */
  ownAddress(queue: string): Address {
    if (queue.endsWith('.dead')) return { exchange: DEAD_EXCHANGE, routingKey: queue }
    return this.#own.get(queue) ?? { exchange: queue, routingKey: queue }
  }

  typeOf(exchange: string): Exchange['type'] | undefined {
    return this.#types.get(exchange)
  }

  /** Nothing is known to exist any more: something was deleted. */
  forget(): void {
    this.#done.clear()
  }

  /** Which of its parts have to be declared still; undefined = none. Throws `LVG_TOPOLOGY_CONFLICT` for a contradiction in itself. */
  missing(topology: Topology): TopologyParts | undefined {
    const parts = topologyParts(topology)
    for (const { name, type } of parts.exchanges) this.#types.set(name, type)
    for (const { queue, exchange, exchangeType, routingKey } of parts.bindings) {
      if (exchangeType === 'direct') this.#own.set(queue, { exchange, routingKey })
    }
    const exchanges = parts.exchanges.filter(exchange => !this.#done.has(exchangeKey(exchange)))
    const queues = parts.queues.filter(queue => !this.#done.has(queueKey(queue)))
    const bindings = parts.bindings.filter(binding => !this.#done.has(bindingKey(binding)))
    const none = exchanges.length === 0 && queues.length === 0 && bindings.length === 0
    return none ? undefined : { exchanges, queues, bindings }
  }

  async declare(channel: AmqpChannel, { exchanges, queues, bindings }: TopologyParts): Promise<void> {
    for (const exchange of exchanges) {
      if (this.#passive) await channel.lookAtExchange(exchange.name)
      else
        await channel.declareExchange(
          exchange.name,
          exchange.type,
          exchange.durable ?? true,
          exchange.autoDelete ?? false,
        )
      this.#done.add(exchangeKey(exchange))
    }
    for (const queue of queues) {
      if (this.#passive) await channel.lookAtQueue(queue.name)
      else await channel.declareQueue(queue.name, queueOptions(queue))
      this.#done.add(queueKey(queue))
      this.#queues.add(queue.name)
    }
    for (const binding of bindings) {
      if (!this.#passive) await channel.bindQueue(binding.queue, binding.exchange, binding.routingKey)
      this.#done.add(bindingKey(binding))
      this.#bindings.set(bindingKey(binding), binding)
    }
  }
}

/** A direct exchange to which each `<queue>.dead` is bound by its name, set up by whoever sets up the accounts. */
const DEAD_EXCHANGE = 'lovage.dead'

export function queueOptions(queue: Queue): AmqpQueueOptions {
  const { durable = true, autoDelete = false, exclusive = false, maxPriority, arguments: given = {} } = queue
  const priority = maxPriority === undefined || 'x-max-priority' in given ? {} : { 'x-max-priority': maxPriority }
  return { durable, autoDelete, exclusive, arguments: { ...given, ...priority } }
}

export function isQuorum(queue: Queue): boolean {
  return queue.arguments?.['x-queue-type'] === 'quorum'
}

function exchangeKey({ name, type }: Exchange): string {
  return `e ${type} ${name}`
}

function queueKey(queue: Queue): string {
  return `q ${queue.name} ${JSON.stringify(queueOptions(queue))}`
}

function bindingKey(binding: TopologyParts['bindings'][number]): string {
  return JSON.stringify([binding.queue, binding.exchange, binding.routingKey])
}
