import { textsParam } from '../../drivers/postgres/arrays.js'
import type { PostgresConnection } from '../../drivers/postgres/connection.js'
import { Channel } from '../../lib/channel.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { TaskId } from '../../protocol/ids.js'
import type { FoundResultRow } from '../celery-tables/result-row.js'
import { rowOf } from './result-rows.js'
import { resultChannel, type Statements } from './statements.js'
import { storedId } from './stored-id.js'

/** Looks at what is watched: at first after this, ever more seldom while nothing happens. */
const LOOK_FIRST: Ms = 10
const LOOK_LAST: Ms = 500
const LOOK_GROWTH = 1.5
/** Writers notify as long as somebody has said lately that he watches. */
const ANNOUNCED: Ms = 20_000
const ANNOUNCE_EVERY: Ms = 5_000

/** One `watch`: what it has heard of each id, and what it has still to be told. */
export class Watch {
  readonly known: Map<TaskId, string> = new Map<TaskId, string>()
  readonly rows: Channel<FoundResultRow> = new Channel<FoundResultRow>()
  /** Why it ended, unless it was told to. */
  error: unknown

  constructor(ids: Iterable<TaskId>) {
    for (const id of ids) this.known.set(id, '')
  }

  /** What waits is not told any more. */
  end(): void {
    this.rows.take()
    this.rows.close()
  }

  /** What waits is still told, then the error. */
  fail(error: unknown): void {
    this.error = error
    this.rows.close()
  }
}

export interface LookoutOptions {
  readonly connection: PostgresConnection
  readonly schema: string
  readonly sql: Statements
  readonly clock: Clock
}

/**
 * Watches results for all watches over one connection. Who writes, and knows that somebody watches, names the ids it wrote
 * in a notification; then these are looked at, at once. The guarantee, also for what Python writes, is a look at all that is
 * watched, every 10 ms at first and every half second at last. A look asks for what has another version than the watch knows,
 * so it answers little however much is watched. One look at a time.
 */
export class Lookout {
  readonly #options: LookoutOptions
  readonly #watches = new Map<TaskId, Set<Watch>>()
  #timer: Disposable | undefined
  #pause: Ms = LOOK_FIRST
  #announcedAt: SteadyMs = Number.NEGATIVE_INFINITY
  #listening: Promise<void> | undefined
  #looking = false
  /** Ids to look at next; `all` of them. */
  #wanted = new Set<TaskId>()
  #wantsAll = false
  #over = false

  constructor(options: LookoutOptions) {
    this.#options = options
    options.connection.onNotice((_, payload) => this.#hear(payload))
  }

  async add(watch: Watch): Promise<void> {
    this.#listening ??= this.#listen()
    await this.#listening
    for (const id of watch.known.keys()) {
      const watches = this.#watches.get(id)
      if (watches === undefined) this.#watches.set(id, new Set([watch]))
      else watches.add(watch)
      this.#wanted.add(id)
    }
    this.#pause = LOOK_FIRST
    await this.#look()
  }

  remove(watch: Watch): void {
    for (const id of watch.known.keys()) {
      const watches = this.#watches.get(id)
      watches?.delete(watch)
      if (watches?.size === 0) this.#watches.delete(id)
    }
    if (this.#watches.size === 0) this.#rest()
  }

  /** The connection is gone. */
  end(): void {
    this.#over = true
    this.#rest()
  }

  async #listen(): Promise<void> {
    const { connection, schema } = this.#options
    // Some poolers refuse it; looking does without.
    await connection.script(`LISTEN "${resultChannel(schema)}"`).catch(() => undefined)
  }

  #hear(payload: string): void {
    if (payload === '') this.#wantsAll = true
    else for (const id of payload.split(',')) if (this.#watches.has(id as TaskId)) this.#wanted.add(id as TaskId)
    if (this.#wantsAll || this.#wanted.size > 0) void this.#look()
  }

  /** Never rejects: what is wrong with the connection ends it, and with it this. */
  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      this.#announce()
      while (!this.#over && (this.#wantsAll || this.#wanted.size > 0)) await this.#lookOnce()
    } catch {
      // Looked at again by the timer.
    } finally {
      this.#looking = false
      this.#arm()
    }
  }

  async #lookOnce(): Promise<void> {
    const ids = this.#wantsAll ? [...this.#watches.keys()] : [...this.#wanted].filter(id => this.#watches.has(id))
    this.#wantsAll = false
    this.#wanted = new Set()
    if (ids.length === 0) return
    const known = ids.map(id => this.#known(id))
    const { connection, sql } = this.#options
    const byStored = new Map(ids.map(id => [storedId(id), id]))
    const rows = await connection.query(sql.fetch, [textsParam([...byStored.keys()]), textsParam(known)])
    for (const { version, row } of rows.map(row => rowOf(row, id => byStored.get(id)))) this.#tell(row, version)
    if (rows.length > 0) this.#pause = LOOK_FIRST
  }

  /** What all watches of an id know of it; empty when they differ. */
  #known(id: TaskId): string {
    const versions = new Set([...(this.#watches.get(id) ?? [])].map(watch => watch.known.get(id) ?? ''))
    const [only] = versions
    return versions.size === 1 ? (only ?? '') : ''
  }

  #tell(row: FoundResultRow, version: string): void {
    for (const watch of this.#watches.get(row.taskId) ?? []) {
      if (watch.known.get(row.taskId) === version) continue
      watch.known.set(row.taskId, version)
      watch.rows.push(row)
    }
  }

  /** Writers must hear of it in time, but nobody waits for it: until then there are looks. */
  #announce(): void {
    const { clock, connection, sql } = this.#options
    if (clock.steady() - this.#announcedAt < ANNOUNCE_EVERY) return
    this.#announcedAt = clock.steady()
    connection.query(sql.announce, [ANNOUNCED]).catch(() => {
      this.#announcedAt = Number.NEGATIVE_INFINITY
    })
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#over || this.#watches.size === 0) return
    this.#timer = this.#options.clock.timer(this.#pause, () => {
      this.#pause = Math.min(this.#pause * LOOK_GROWTH, LOOK_LAST)
      this.#wantsAll = true
      void this.#look()
    })
  }

  #rest(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }
}
