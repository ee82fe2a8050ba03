import type { QueueName } from '../../protocol/ids.js'
import type { Binding, ExchangeType } from '../broker.js'
import {
  addBinding,
  addExchange,
  bindingsOf,
  createRoutingTable,
  type RoutingTable,
  route,
} from '../virtual/routing.js'

export interface StoredQueue {
  readonly id: number
  readonly name: QueueName
  readonly maxPriority: number
}

/** Exchanges, queues and bindings as they were at version `version` of the store's topology. */
export class KnownTopology {
  readonly version: number
  readonly table: RoutingTable = createRoutingTable()
  readonly byName: ReadonlyMap<QueueName, StoredQueue>
  /** Of the store. */
  readonly uuid: string

  /** From a row of topology.sql. */
  constructor(row: readonly unknown[]) {
    const [version, queues, exchanges, bindings, uuid] = row
    this.uuid = String(uuid)
    this.version = Number(version)
    const stored = list<[number, QueueName, number]>(queues).map(([id, name, maxPriority]) => ({
      id,
      name,
      maxPriority,
    }))
    this.byName = new Map(stored.map(queue => [queue.name, queue]))
    for (const { name } of stored) this.table.queues.add(name)
    for (const [name, type] of list<[string, ExchangeType]>(exchanges)) addExchange(this.table, name, type)
    for (const [exchange, routingKey, queue] of list<[string, string, QueueName]>(bindings)) {
      addBinding(this.table, { exchange, routingKey, queue })
    }
  }

  get bindings(): readonly Binding[] {
    return bindingsOf(this.table)
  }

  /** The queues a message goes to, each once. */
  destinations(exchange: string, routingKey: string): readonly StoredQueue[] {
    // Table and map were read together.
    return route(this.table, exchange, routingKey).map(name => this.byName.get(name) as StoredQueue)
  }
}

/** JSON that topology.sql made. */
function list<T>(text: unknown): readonly T[] {
  return JSON.parse(String(text)) as readonly T[]
}
