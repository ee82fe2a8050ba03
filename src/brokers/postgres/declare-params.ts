import type { TopologyParts } from '../virtual/routing.js'
import type { KnownTopology } from './known-topology.js'

const HIGHEST_PRIORITY = 255

/** Parameters of declare.sql. */
export function declareParams(parts: TopologyParts, owner: number | null): readonly unknown[] {
  const exchanges = parts.exchanges.map(({ name, type, durable = true, autoDelete = false }) => ({
    name,
    type,
    durable,
    auto_delete: autoDelete,
  }))
  const queues = parts.queues.map(queue => ({
    name: queue.name,
    max_priority: Math.min(queue.maxPriority ?? HIGHEST_PRIORITY, HIGHEST_PRIORITY),
    durable: queue.durable ?? true,
    auto_delete: queue.autoDelete ?? false,
    exclusive: queue.exclusive ?? false,
    arguments: queue.arguments === undefined ? null : JSON.stringify(queue.arguments),
  }))
  const bindings = parts.bindings.map(({ exchange, routingKey, queue }) => ({
    exchange,
    routing_key: routingKey,
    queue,
  }))
  return [...[exchanges, queues, bindings].map(rows => JSON.stringify(rows)), owner]
}

/** True when there is nothing left to declare. An exchange of another type is something left: declaring it says what. */
export function isDeclared(parts: TopologyParts, known: KnownTopology): boolean {
  const { exchanges } = known.table
  return (
    parts.exchanges.every(({ name, type }) => exchanges.get(name)?.type === type) &&
    parts.queues.every(({ name }) => known.byName.has(name)) &&
    parts.bindings.every(({ exchange, routingKey, queue }) =>
      exchanges.get(exchange)?.byKey.get(routingKey)?.queues.has(queue),
    )
  )
}
