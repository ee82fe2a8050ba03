import type { SqlRunner } from '../../drivers/sqlite/user-database.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, Exchange, ExchangeType, Queue, Topology } from '../broker.js'
import {
  addBinding,
  addExchange,
  addTopology,
  bindingsOf,
  createRoutingTable,
  type RoutingTable,
  route,
  topologyParts,
} from '../virtual/routing.js'
import type { Statements } from './statements.js'

export interface StoredQueue {
  readonly id: number
  readonly name: QueueName
  readonly maxPriority: number
}

export type StoreRow = {
  readonly claims: number
  readonly topology: number
  readonly generation: number
  readonly generation_since: number
  readonly boot: string
}

export interface Known {
  readonly version: number
  readonly table: RoutingTable
  readonly byName: ReadonlyMap<QueueName, StoredQueue>
}

const HIGHEST_PRIORITY = 255

/** Exchanges, queues and bindings: the tables, and what they mean kept in memory while their version stays the same. */
export class TopologyTables {
  readonly #db: SqlRunner
  readonly #sql: Statements
  #known: Known | undefined

  constructor(db: SqlRunner, sql: Statements) {
    this.#db = db
    this.#sql = sql
  }

  /** Rows that were read may not have happened. */
  forget(): void {
    this.#known = undefined
  }

  store(): StoreRow {
    // The schema makes the row, nothing deletes it.
    return this.#db.get<StoreRow>(this.#sql.store) as StoreRow
  }

  /** As of the transaction at hand. */
  current(): Known {
    const version = this.store().topology
    if (this.#known?.version !== version) this.#known = this.#read(version)
    return this.#known
  }

  /** The queues a message goes to, each once. */
  destinations(known: Known, exchange: string, routingKey: string): readonly StoredQueue[] {
    // Table and map were read together.
    return route(known.table, exchange, routingKey).map(name => known.byName.get(name) as StoredQueue)
  }

  bindings(): readonly Binding[] {
    return bindingsOf(this.current().table)
  }

  /** Throws `LVG_TOPOLOGY_CONFLICT`. `owner` gives the holder who owns what is exclusive or deleted by itself. */
  declare(topology: Topology, owner: () => number): void {
    const parts = topologyParts(topology)
    const known = this.current()
    // In memory first: it checks for conflicts before anything is written.
    addTopology(known.table, parts)
    let changes = 0
    for (const exchange of parts.exchanges) changes += this.#declareExchange(exchange)
    for (const queue of parts.queues) {
      if (!known.byName.has(queue.name)) changes += this.#declareQueue(queue, owner)
    }
    for (const { exchange, routingKey, queue } of parts.bindings) {
      changes += this.#db.run(this.#sql['declare-binding'], exchange, routingKey, queue)
    }
    if (changes > 0) this.#changed()
  }

  /** Removes queues with all their messages. */
  drop(ids: readonly number[]): void {
    for (const id of ids) {
      for (const verb of [
        'purge-ready',
        'purge-delayed',
        'purge-held',
        'delete-bindings',
        'delete-consumers',
      ] as const) {
        this.#db.run(this.#sql[verb], id)
      }
      this.#db.run(this.#sql['delete-queue'], id)
    }
    if (ids.length > 0) this.#changed()
  }

  #changed(): void {
    this.#db.run(this.#sql['raise-topology'])
    this.forget()
  }

  #declareExchange(exchange: Exchange): number {
    const { name, type, durable = true, autoDelete = false } = exchange
    return this.#db.run(this.#sql['declare-exchange'], name, type, Number(durable), Number(autoDelete))
  }

  #declareQueue(queue: Queue, owner: () => number): number {
    const { name, durable = true, autoDelete = false, exclusive = false } = queue
    return this.#db.run(
      this.#sql['declare-queue'],
      name,
      Math.min(queue.maxPriority ?? HIGHEST_PRIORITY, HIGHEST_PRIORITY),
      Number(durable),
      Number(autoDelete),
      Number(exclusive),
      autoDelete || exclusive ? owner() : null,
      queue.arguments === undefined ? null : JSON.stringify(queue.arguments),
    )
  }

  #read(version: number): Known {
    const table = createRoutingTable()
    const byName = new Map<QueueName, StoredQueue>()
    type QueueRow = { readonly id: number; readonly name: QueueName; readonly max_priority: number }
    for (const { id, name, max_priority } of this.#db.all<QueueRow>(this.#sql.queues)) {
      byName.set(name, { id, name, maxPriority: max_priority })
      table.queues.add(name)
    }
    type ExchangeRow = { readonly name: string; readonly type: ExchangeType }
    for (const { name, type } of this.#db.all<ExchangeRow>(this.#sql.exchanges)) addExchange(table, name, type)
    type BindingRow = { readonly exchange: string; readonly routing_key: string; readonly queue: QueueName }
    for (const row of this.#db.all<BindingRow>(this.#sql.bindings)) {
      addBinding(table, { exchange: row.exchange, routingKey: row.routing_key, queue: row.queue })
    }
    return { version, table, byName }
  }
}
