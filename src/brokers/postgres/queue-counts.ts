import type { Row } from '../../drivers/postgres/connection.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { QueueStats } from '../broker.js'
import type { Holder } from './holder.js'
import type { PostgresTopology } from './postgres-topology.js'
import type { Ask, Statements } from './statements.js'

export interface QueueCountsParts {
  readonly ask: Ask
  readonly sql: Statements
  readonly topology: PostgresTopology
  readonly holder: Pick<Holder, 'kept'>
  readonly clock: Pick<Clock, 'steady'>
  readonly channel: string
  readonly sweepMs: Ms
}

/** Looks at queues and empties them. */
export class QueueCounts {
  readonly #parts: QueueCountsParts
  #sweptAt: SteadyMs = Number.NEGATIVE_INFINITY

  constructor(parts: QueueCountsParts) {
    this.#parts = parts
  }

  async of(queue: QueueName): Promise<QueueStats> {
    await this.#sweepAlone()
    const [row] = await this.#parts.ask(this.#parts.sql.stats, [queue])
    return row === undefined ? { queue, ready: 0, held: 0, delayed: 0, consumers: 0 } : statsOf(row)
  }

  async all(): Promise<readonly QueueStats[]> {
    await this.#sweepAlone()
    return (await this.#parts.ask(this.#parts.sql.stats, [null])).map(statsOf)
  }

  /** Bytes of what is ready. */
  async weigh(queue: QueueName): Promise<number> {
    return Number((await this.#parts.ask(this.#parts.sql.weigh, [queue]))[0]?.[0])
  }

  /** How many ready and delayed messages were dropped. */
  async purge(queue: QueueName): Promise<number> {
    const { ask, sql, topology } = this.#parts
    const id = (await topology.read()).byName.get(queue)?.id
    if (id === undefined) return 0
    const [row] = await ask(sql.purge, [id])
    return Number(row?.[0])
  }

  /** A session that is no holder has no keeper to sweep for it; where nobody else is, its counts would be wrong for ever. */
  async #sweepAlone(): Promise<void> {
    const { ask, sql, holder, clock, channel, sweepMs } = this.#parts
    const now = clock.steady()
    if (holder.kept || now - this.#sweptAt < sweepMs) return
    this.#sweptAt = now
    await ask(sql.sweep, [channel])
    await ask(sql['drop-deserted'])
  }
}

/** A row of stats.sql. */
function statsOf(row: Row): QueueStats {
  const [queue, ready, held, delayed, consumers] = row
  return {
    queue: queue as QueueName,
    ready: Number(ready),
    held: Number(held),
    delayed: Number(delayed),
    consumers: Number(consumers),
  }
}
