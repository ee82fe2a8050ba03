import type { QueueName } from '../../protocol/ids.js'
import type { Binding, Exchange, ExchangeType, Queue, Topology } from '../broker.js'
import { BrokerError } from '../errors.js'
import { topicMatches, topicWords } from './topic.js'

/*
 * AMQP's routing for stores that have none of their own. A store keeps exchanges, queues and bindings as it likes and
 * builds a `RoutingTable` from them; `route` answers which queues a message goes to.
 *
 * A queue exists once it is declared; nothing else makes one. The default exchange `''` reaches every existing queue by
 * its name. An exchange nobody declared reaches nothing.
 */
export interface RoutingTable {
  readonly queues: Set<QueueName>
  readonly exchanges: Map<string, ExchangeRoutes>
}

/** Every index holds each queue once per key, in the order of binding. */
export interface ExchangeRoutes {
  readonly type: ExchangeType
  readonly byKey: Map<string, Route>
}

interface Route {
  readonly words: readonly string[]
  readonly queues: Set<QueueName>
}

/** A topology taken apart: defaults filled in, the default exchange left out, nothing twice. */
export interface TopologyParts {
  readonly exchanges: readonly Exchange[]
  readonly queues: readonly Queue[]
  readonly bindings: readonly Binding[]
}

export function createRoutingTable(): RoutingTable {
  return { queues: new Set(), exchanges: new Map() }
}

/**
 * What a topology asks for. A queue's routing key, when it names none, is the queue's name, and `''` on a fanout exchange.
 * Throws `LVG_TOPOLOGY_CONFLICT` when it gives one exchange two types.
 */
export function topologyParts(topology: Topology): TopologyParts {
  const exchanges = new Map<string, Exchange>()
  const queues = new Map<QueueName, Queue>()
  const bindings: Binding[] = []
  for (const exchange of topology.exchanges ?? []) keepExchange(exchanges, exchange)
  for (const queue of topology.queues ?? []) {
    queues.set(queue.name, queue)
    const exchange = queue.exchange
    if (exchange === undefined || exchange.name === '') continue
    keepExchange(exchanges, exchange)
    const routingKey = queue.routingKey ?? (exchange.type === 'fanout' ? '' : queue.name)
    bindings.push({ exchange: exchange.name, exchangeType: exchange.type, routingKey, queue: queue.name })
  }
  return { exchanges: [...exchanges.values()], queues: [...queues.values()], bindings }
}

/** Idempotent. All or nothing: throws `LVG_TOPOLOGY_CONFLICT` before anything changed. */
export function addTopology(table: RoutingTable, parts: TopologyParts): void {
  for (const exchange of parts.exchanges) checkType(exchange, table.exchanges.get(exchange.name)?.type)
  for (const exchange of parts.exchanges) addExchange(table, exchange.name, exchange.type)
  for (const queue of parts.queues) table.queues.add(queue.name)
  for (const binding of parts.bindings) addBinding(table, binding)
}

export function addExchange(table: RoutingTable, name: string, type: ExchangeType): void {
  if (!table.exchanges.has(name)) table.exchanges.set(name, { type, byKey: new Map() })
}

/** The exchange must have been added before. */
export function addBinding(table: RoutingTable, binding: Pick<Binding, 'exchange' | 'routingKey' | 'queue'>): void {
  const byKey = table.exchanges.get(binding.exchange)?.byKey
  if (byKey === undefined) throw new BrokerError('LVG_TOPOLOGY_CONFLICT', undeclared(binding), { transient: false })
  const route = byKey.get(binding.routingKey)
  if (route === undefined) {
    byKey.set(binding.routingKey, { words: topicWords(binding.routingKey), queues: new Set([binding.queue]) })
  } else route.queues.add(binding.queue)
}

/** Forgets a queue and its bindings. */
export function removeQueue(table: RoutingTable, queue: QueueName): void {
  table.queues.delete(queue)
  for (const { byKey } of table.exchanges.values()) {
    for (const [key, route] of byKey) {
      if (route.queues.delete(queue) && route.queues.size === 0) byKey.delete(key)
    }
  }
}

/** Every binding but those of the default exchange, in the order of declaration. */
export function bindingsOf(table: RoutingTable): readonly Binding[] {
  const found: Binding[] = []
  for (const [exchange, { type, byKey }] of table.exchanges) {
    for (const [routingKey, route] of byKey) {
      for (const queue of route.queues) found.push({ exchange, exchangeType: type, routingKey, queue })
    }
  }
  return found
}

/** The queues a message goes to, each once. Empty: unroutable (D03). */
export function route(table: RoutingTable, exchange: string, routingKey: string): readonly QueueName[] {
  // The set holds only names that were checked when they were declared, so a key found there is one of them.
  if (exchange === '') return table.queues.has(routingKey as QueueName) ? [routingKey as QueueName] : []
  const routes = table.exchanges.get(exchange)
  if (routes === undefined) return []
  switch (routes.type) {
    case 'direct':
      return [...(routes.byKey.get(routingKey)?.queues ?? [])]
    case 'fanout':
      return unite(routes.byKey.values())
    case 'topic':
      return unite(matching(routes.byKey.values(), topicWords(routingKey)))
    default:
      return routes.type satisfies never
  }
}

function* matching(routes: Iterable<Route>, words: readonly string[]): Generator<Route> {
  for (const route of routes) if (topicMatches(route.words, words)) yield route
}

function unite(routes: Iterable<Route>): readonly QueueName[] {
  const queues = new Set<QueueName>()
  for (const route of routes) for (const queue of route.queues) queues.add(queue)
  return [...queues]
}

function keepExchange(exchanges: Map<string, Exchange>, exchange: Exchange): void {
  if (exchange.name === '') return
  checkType(exchange, exchanges.get(exchange.name)?.type)
  exchanges.set(exchange.name, exchange)
}

function checkType(exchange: Exchange, known: ExchangeType | undefined): void {
  if (known === undefined || known === exchange.type) return
  throw new BrokerError(
    'LVG_TOPOLOGY_CONFLICT',
    `Exchange '${exchange.name}' is declared as ${exchange.type}, but it exists as ${known}. ` +
      'Declare it with the same type everywhere, or give the new one another name.',
    { transient: false },
  )
}

function undeclared(binding: Pick<Binding, 'exchange' | 'queue'>): string {
  return `Queue '${binding.queue}' is bound to exchange '${binding.exchange}', which is not declared. Declare the exchange first.`
}
