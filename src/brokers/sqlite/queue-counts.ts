import type { Database } from '../../drivers/sqlite/database.js'
import type { QueueName } from '../../protocol/ids.js'
import type { QueueStats } from '../broker.js'
import type { Statements } from './statements.js'
import type { TopologyTables } from './topology-tables.js'

/** How much is in each queue. Counting walks an index, so depth costs time: a few ms per 100,000. */
export class QueueCounts {
  readonly #db: Database
  readonly #sql: Statements
  readonly #topology: TopologyTables

  constructor(db: Database, sql: Statements, topology: TopologyTables) {
    this.#db = db
    this.#sql = sql
    this.#topology = topology
  }

  of(name: QueueName): QueueStats {
    const queue = this.#topology.current().byName.get(name)
    if (queue === undefined) return { queue: name, ready: 0, held: 0, delayed: 0, consumers: 0 }
    return {
      queue: name,
      ready: this.#count('count-ready', queue.id),
      held: this.#count('count-held', queue.id),
      delayed: this.#count('count-delayed', queue.id),
      consumers: this.#count('count-consumers', queue.id),
    }
  }

  all(): readonly QueueStats[] {
    return [...this.#topology.current().byName.keys()].map(name => this.of(name))
  }

  /** Bytes of what is ready. */
  weigh(name: QueueName): number {
    const queue = this.#topology.current().byName.get(name)
    return queue === undefined ? 0 : this.#count('weigh', queue.id)
  }

  /** Drops what is ready and delayed; returns how many. */
  purge(name: QueueName): number {
    const queue = this.#topology.current().byName.get(name)
    if (queue === undefined) return 0
    return this.#db.run(this.#sql['purge-ready'], queue.id) + this.#db.run(this.#sql['purge-delayed'], queue.id)
  }

  #count(verb: 'count-ready' | 'count-held' | 'count-delayed' | 'count-consumers' | 'weigh', queue: number): number {
    return this.#db.get<{ readonly n: number }>(this.#sql[verb], queue)?.n ?? 0
  }
}
