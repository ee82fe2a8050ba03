import type { Row } from '../../drivers/postgres/connection.js'
import { BrokerError } from '../errors.js'
import { addTopology, type TopologyParts } from '../virtual/routing.js'
import { declareParams, isDeclared } from './declare-params.js'
import { KnownTopology } from './known-topology.js'
import type { Ask, Statements } from './statements.js'

export interface PostgresTopologyParts {
  readonly ask: Ask
  readonly sql: Statements
  /** The URL, as people may see it. */
  readonly shown: string
}

/** A declaration that others undo is made again so often. */
const DECLARE_TRIES = 5

/** Exchanges, queues and bindings: as they were last read, and how more are declared. */
export class PostgresTopology {
  readonly #parts: PostgresTopologyParts
  #known: Promise<KnownTopology> | undefined

  constructor(parts: PostgresTopologyParts) {
    this.#parts = parts
  }

  /** It may be outdated: statements say which version they meet. */
  known(): Promise<KnownTopology> {
    return this.#known ?? this.read()
  }

  read(): Promise<KnownTopology> {
    const { ask, sql } = this.#parts
    const reading = ask(sql.topology).then(([row]) => new KnownTopology(row as Row))
    this.#known = reading
    reading.catch(() => {
      if (this.#known === reading) this.#known = undefined
    })
    return reading
  }

  /** There is a newer one. */
  forget(): void {
    this.#known = undefined
  }

  /** `owner`: the holder with whom go the queues that are its own. */
  async declare(parts: TopologyParts, owner: number | null): Promise<void> {
    const { ask, sql, shown } = this.#parts
    for (let tries = 0; tries < DECLARE_TRIES; tries++) {
      const known = await this.read()
      if (isDeclared(parts, known)) return
      // Checks for conflicts before anything is written; the answer is thrown away with what it was added to.
      addTopology(known.table, parts)
      this.forget()
      await ask(sql.declare, declareParams(parts, owner))
    }
    throw new BrokerError(
      'LVG_BROKER_FAILED',
      `Queues were declared and vanished again at ${shown}, ${DECLARE_TRIES} times. Find out who drops them.`,
      { transient: true },
    )
  }
}
