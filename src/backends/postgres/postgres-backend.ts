import { textsParam } from '../../drivers/postgres/arrays.js'
import { PostgresConnection, type Row, type Step, securityWarning } from '../../drivers/postgres/connection.js'
import { migrate } from '../../drivers/postgres/migrate.js'
import type { PostgresTarget } from '../../drivers/postgres/postgres-url.js'
import { tryAgain } from '../../drivers/postgres/try-again.js'
import { Batcher } from '../../lib/batcher.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import { decodeResult, encodeGroup, encodeResult, type ResultEncoding } from '../../protocol/encode-result.js'
import { type GroupId, type TaskId, taskId } from '../../protocol/ids.js'
import type { Limits } from '../../protocol/limits.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { Addition, Arrival, BackendFeatures, ChordPart, ResultBackend, StoreOptions } from '../backend.js'
import { ResultColumns } from '../celery-tables/result-columns.js'
import type { FoundResultRow } from '../celery-tables/result-row.js'
import { readSavedGroup } from '../celery-tables/saved-group.js'
import { partsInTree } from '../chord-tree.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { BackendError } from '../errors.js'
import { jsonStoreCodec } from '../json-store-codec.js'
import { judgeStore } from '../judge-store.js'
import { completeCount, type QuietChord, type QuietClaim } from '../quiet-chord.js'
import type { RevocationKeep, RevocationLog, RevocationPage } from '../revocation-log.js'
import { unreadableRecord } from '../unreadable-record.js'
import { arrivals, byChord, type Part, type PartArrival, partParams } from './chord-parts.js'
import { Lookout, Watch } from './lookout.js'
import { postgresTrouble } from './postgres-trouble.js'
import { rowOf, type Store, storeParams } from './result-rows.js'
import { loadStatements, resultChannel, resultSchema, type Statements } from './statements.js'
import { storedId } from './stored-id.js'

/*
 * Results in a PostgreSQL database, Python's Celery among its readers and writers (`db+postgresql://…`): records stand in
 * Celery's own tables, what those have no column for in tables of ours beside.
 *
 * - What one turn of the event loop stores is one statement and one commit; `store` resolves after it.
 * - Whoever watches hears of a record by NOTIFY, and by looking: of what Python writes within half a second. While nobody
 *   watches nobody notifies.
 * - The connection is made at the first call, and anew at the next call after it was lost. Watches end with a transient
 *   error then.
 * - Chords are counted here, so those that Lovage sends need Lovage workers. A chord that Python sends over this backend
 *   is completed by its `celery.chord_unlock`; its parts are kept and never counted complete, since its size is told in
 *   the message only: counting as well would start the body twice.
 * - Saved groups of ours can be read by Lovage only, because Python pickles its own objects there.
 */

export interface PostgresBackendOptions {
  /** As shown to people. */
  readonly url: string
  readonly target: PostgresTarget
  readonly runtime: Runtime
  readonly codec: Codec
  /** For the tables of our own. Default `lovage`. */
  readonly schema?: string
  /** Setting `resultSerializer`, for the arguments in extended records. Values are always pickles. Default `json`. */
  readonly serializer?: string
  readonly limits?: Limits
  /** A statement without an answer for this long ends the connection (D86). Default 10 s. */
  readonly answerMs?: Ms
}

const FEATURES: BackendFeatures = { durable: true, chords: true, shared: true }

/** Records that go into one statement. */
const STORE_BATCH = 500
const STORE_BYTES: number = 16 * 1024 * 1024
const FETCH_BATCH = 1000
const ARRIVE_BATCH = 1000
/** NOTIFY takes less than 8,000 bytes; watchers look at everything when none are named. */
const PAYLOAD_BYTES = 7_900
/** What has expired is thrown out so often while results are stored, so much at a time. */
const EXPIRE_EVERY: Ms = 60_000
const EXPIRE_ROWS = 500

interface Line {
  readonly connection: PostgresConnection
  readonly lookout: Lookout
}

/** Connects to nothing yet. */
export function createPostgresBackend(options: PostgresBackendOptions): ResultBackend {
  return new PostgresBackend(options)
}

class PostgresBackend implements ResultBackend {
  readonly url: string
  readonly features = FEATURES
  readonly revocations: RevocationLog = {
    append: (entries, keep) => this.#addRevocations(entries, keep),
    after: (cursor, limit) => this.#revocationsAfter(cursor, limit),
  }
  readonly #options: PostgresBackendOptions
  readonly #schema: string
  readonly #sql: Statements
  readonly #columns: ResultColumns
  /** For groups and parts, which only Lovage reads: not subject to the app's accept list. */
  readonly #json: Codec
  readonly #encoding: ResultEncoding
  readonly #watches = new Set<Watch>()
  readonly #gone = new AbortController()
  readonly #stores: Batcher<Store, 'stored' | 'refused', 'stored' | 'refused'>
  readonly #arrivals: Batcher<Part, PartArrival, PartArrival>
  readonly #fetches: Batcher<TaskId, FoundResultRow | undefined, FoundResultRow | undefined>
  #line: Promise<Line> | undefined
  #expiredAt: SteadyMs
  #expiring: Promise<unknown> = Promise.resolve()
  #over: BackendError | undefined

  constructor(options: PostgresBackendOptions) {
    const { url, codec, serializer, limits, schema = 'lovage' } = options
    this.url = maskUrl(url)
    this.#options = options
    this.#schema = schema
    this.#sql = loadStatements(schema)
    this.#columns = new ResultColumns(codec, { serializer, limits })
    this.#json = jsonStoreCodec(limits)
    this.#encoding = { limits }
    this.#expiredAt = options.runtime.clock.steady()
    this.#stores = new Batcher({
      maxCount: STORE_BATCH,
      maxWeight: STORE_BYTES,
      weigh: ({ row }) => row.result.byteLength + (row.args?.byteLength ?? 0) + (row.kwargs?.byteLength ?? 0),
      send: stores => this.#do('storing a result', line => this.#store(line, stores)),
      answer: (_, answer) => answer,
      abandoned: (_, cause) => Promise.reject(cause),
    })
    this.#arrivals = new Batcher({
      maxCount: ARRIVE_BATCH,
      maxWeight: STORE_BYTES,
      weigh: part => part.meta.byteLength,
      send: parts => this.#arrive(parts),
      answer: (_, arrival) => arrival,
      abandoned: (_, cause) => Promise.reject(cause),
    })
    this.#fetches = new Batcher({
      maxCount: FETCH_BATCH,
      send: ids => this.#do('reading a result', line => this.#fetch(line, ids)),
      answer: (_, row) => row,
      abandoned: (_, cause) => Promise.reject(cause),
    })
  }

  async store(meta: ResultMeta, { ttl, fence }: StoreOptions): Promise<'stored' | 'refused'> {
    const row = this.#columns.write(meta)
    return await this.#stores.ask({ row, fence, ttl })
  }

  async fetch(id: TaskId): Promise<ResultMeta | undefined> {
    const row = await this.#fetches.ask(id)
    return row === undefined ? undefined : this.#columns.read(row)
  }

  async *watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    if (signal.aborted) return
    const watch = new Watch(ids)
    const end = (): void => watch.end()
    signal.addEventListener('abort', end, { once: true })
    this.#watches.add(watch)
    void this.#begin(watch)
    try {
      for await (const row of watch.rows) yield this.#readable(row)
      if (watch.error !== undefined && !signal.aborted) throw watch.error
    } finally {
      signal.removeEventListener('abort', end)
      this.#watches.delete(watch)
      void this.#line?.then(
        line => line.lookout.remove(watch),
        () => undefined,
      )
    }
  }

  async findIds(prefix: string, limit: number): Promise<readonly TaskId[]> {
    const rows = await this.#do('looking for results', line =>
      line.connection.query(this.#sql['find-ids'], [prefix, limit]),
    )
    return rows.map(([id]) => taskId(String(id)))
  }

  async forget(ids: readonly TaskId[]): Promise<void> {
    await this.#do('forgetting results', line =>
      line.connection.query(this.#sql.forget, [textsParam(ids.map(storedId))]),
    )
  }

  async saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    const meta = encodeGroup(group, this.#json, this.#encoding)
    await this.#do('saving a group', line =>
      line.connection.query(this.#sql['save-group'], [group.id, meta, ttl ?? null]),
    )
  }

  async fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    const [row] = await this.#do('reading a group', line => line.connection.query(this.#sql['fetch-group'], [id]))
    const [own, foreign] = row ?? []
    if (own !== null && own !== undefined) return readSavedGroup(id, { kind: 'own', bytes: own }, this.#json)
    if (foreign === null || foreign === undefined) return undefined
    return readSavedGroup(id, { kind: 'foreign', bytes: foreign }, this.#json)
  }

  async forgetGroup(id: GroupId): Promise<void> {
    await this.#do('forgetting a group', line => line.connection.query(this.#sql['forget-group'], [id]))
  }

  async setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    const last = { sql: this.#sql['size-chord'], values: [chord, size, ttl ?? null, memo ?? null] }
    await this.#onChord('telling the size of a chord', chord, [last])
  }

  async claimQuietChords({ quiet, hold, most, limit }: QuietClaim): Promise<readonly QuietChord[]> {
    const rows = await this.#do('looking for quiet chords', line =>
      line.connection.query(this.#sql['claim-quiet'], [quiet, hold, most, limit]),
    )
    const found = await Promise.all(
      rows.map(async ([id, memo, size, complete, ms]): Promise<QuietChord | undefined> => {
        // It was written as one.
        const chord = String(id) as GroupId
        const count = complete === true ? await this.#complete(chord) : await this.#waiting(chord, Number(size))
        return count && { chord, memo: String(memo), quiet: Math.max(0, Number(ms)), count }
      }),
    )
    return found.filter(chord => chord !== undefined)
  }

  async addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    const last = { sql: this.#sql['add-to-chord'], values: [chord, textsParam(tasks), ttl ?? null] }
    // It answers with one row.
    const [[row] = []] = await this.#onChord('adding to a chord', chord, [last])
    const [opened, added] = row ?? []
    if (opened !== true) return 'unopened'
    return added === true ? 'added' : 'over'
  }

  async arrive({ chord, index, taskId, meta }: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    const bytes = encodeResult(meta, this.#json, this.#encoding)
    const arrival = await this.#arrivals.ask({ chord, index, taskId, meta: bytes, ttl })
    if (arrival.kind !== 'complete') return arrival
    return { kind: 'complete', parts: await this.#inTree(chord, arrival.parts) }
  }

  async close(chord: GroupId): Promise<void> {
    const last = { sql: this.#sql['close-chord'], values: [chord, CLOSED_CHORD_TTL] }
    await this.#onChord('closing a chord', chord, [last])
  }

  async cleanup(): Promise<number> {
    let removed = 0
    for (let some = await this.#expireSome(); some > 0; some = await this.#expireSome()) removed += some
    await this.#do('cleaning up', line => line.connection.query(this.#sql['forget-orphans']))
    return removed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new BackendError('LVG_BACKEND_CLOSED', `The result backend ${this.url} was closed.`, {
      transient: false,
    })
    const batchers = [this.#stores, this.#arrivals, this.#fetches]
    await Promise.all([...batchers.map(batcher => batcher.drain()), this.#expiring])
    this.#over ??= closed
    for (const batcher of batchers) batcher.end(closed)
    this.#gone.abort(closed)
    for (const watch of this.#watches) watch.end()
    // One that could not be made has nothing to close.
    const line = await this.#line?.catch(() => undefined)
    line?.lookout.end()
    await line?.connection[Symbol.asyncDispose]()
  }

  /** Undefined: it was closed meanwhile. */
  async #complete(chord: GroupId): Promise<QuietChord['count'] | undefined> {
    const rows = await this.#do('reading a chord', line => line.connection.query(this.#sql.chord, [chord]))
    if (rows[0]?.[0] !== false) return undefined
    const metas = rows.flatMap(row => (row[3] instanceof Uint8Array ? [row[3]] : []))
    return await completeCount(() => this.#inTree(chord, metas))
  }

  async #waiting(chord: GroupId, size: number): Promise<QuietChord['count']> {
    const rows = await this.#do('reading a chord', line => line.connection.query(this.#sql['arrived-parts'], [chord]))
    return { kind: 'waiting', size, arrived: rows.map(([id]) => taskId(String(id))) }
  }

  async #inTree(chord: GroupId, parts: readonly Uint8Array[]): Promise<readonly ResultMeta[]> {
    return await partsInTree(
      parts.map(part => decodeResult(part, this.#json, this.#encoding)),
      await this.fetchGroup(chord),
    )
  }

  async #addRevocations(entries: readonly string[], { ttl, max }: RevocationKeep): Promise<void> {
    const unique = [...new Set(entries)]
    await this.#do('keeping revocations', line =>
      line.connection.transaction([
        { sql: this.#sql['add-revocations'], values: [textsParam(unique), ttl] },
        { sql: this.#sql['cut-revocations'], values: [max] },
      ]),
    )
  }

  /**
   * Numbers are drawn before the row can be seen, so the cursor stays behind what is younger than any transaction takes: that
   * is read again, which does no harm.
   */
  async #revocationsAfter(cursor: string, limit: number): Promise<RevocationPage> {
    const rows = await this.#do('reading revocations', line =>
      line.connection.query(this.#sql['revocations-after'], [cursor === '' ? 0 : Number(cursor), limit]),
    )
    let last = cursor
    const entries = rows.flatMap(([seq, entry, left, settled]) => {
      if (settled === true) last = String(seq)
      return Number(left) > 0 ? [{ entry: String(entry), left: Number(left) }] : []
    })
    return { entries, cursor: last }
  }

  /** Records of one id are judged one after another: each goes into the statement after the one before it. */
  async #store(line: Line, stores: readonly Store[]): Promise<readonly ('stored' | 'refused')[]> {
    const answers: ('stored' | 'refused')[] = new Array(stores.length).fill('refused')
    let left = stores.map((store, at) => ({ store, at }))
    while (left.length > 0) {
      const ids = new Set<TaskId>()
      const round = left.filter(({ store }) => !ids.has(store.row.taskId) && ids.add(store.row.taskId))
      const written = await this.#storeRound(
        line,
        round.map(({ store }) => store),
      )
      for (const { store, at } of round) if (written.has(store.row.taskId)) answers[at] = 'stored'
      const taken = new Set(round)
      left = left.filter(each => !taken.has(each))
    }
    this.#expireNowAndThen()
    return answers
  }

  /** The ids whose records stand there now: written, or there already, as told by the same attempt (D41). */
  async #storeRound({ connection }: Line, stores: readonly Store[]): Promise<ReadonlySet<TaskId>> {
    const ids = stores.map(({ row }) => row.taskId)
    const names = ids.join(',')
    const payload = Buffer.byteLength(names) > PAYLOAD_BYTES || ids.some(id => id.includes(',')) ? '' : names
    const params = [...storeParams(stores), resultChannel(this.#schema), payload]
    const standing = new Set((await connection.query(this.#sql.store, params)).map(row => row[0]))
    const written = new Set(ids.filter(id => standing.has(storedId(id))))
    const unwritten = stores.filter(
      ({ row, fence }) => !written.has(row.taskId) && row.status === 'SUCCESS' && fence !== undefined,
    )
    if (unwritten.length > 0) for (const id of await this.#present(connection, unwritten)) written.add(id)
    return written
  }

  async #present(connection: PostgresConnection, stores: readonly Store[]): Promise<readonly TaskId[]> {
    const rows = await connection.query(this.#sql.heads, [textsParam(stores.map(({ row }) => storedId(row.taskId)))])
    const heads = new Map(rows.map(row => [row[0], row]))
    return stores.flatMap(({ row, fence }) => {
      const [, status, retries, claim] = heads.get(storedId(row.taskId)) ?? []
      const known = typeof retries === 'number' && typeof claim === 'number' ? { retries, claim } : undefined
      const stored = typeof status === 'string' ? { status, fence: known } : undefined
      return judgeStore(stored, { status: row.status, fence }) === 'present' ? [row.taskId] : []
    })
  }

  async #fetch({ connection }: Line, ids: readonly TaskId[]): Promise<readonly (FoundResultRow | undefined)[]> {
    const asked = [...new Set(ids)]
    const byStored = new Map(asked.map(id => [storedId(id), id]))
    const rows = await connection.query(this.#sql.fetch, [
      textsParam([...byStored.keys()]),
      textsParam(asked.map(() => '')),
    ])
    const found = new Map(rows.map(row => rowOf(row, id => byStored.get(id))).map(({ row }) => [row.taskId, row]))
    return ids.map(id => found.get(id))
  }

  async #arrive(parts: readonly Part[]): Promise<readonly PartArrival[]> {
    const answers = new Map<Part, PartArrival>()
    for (const [chord, together] of byChord(parts)) {
      const [fresh = [], rows = []] = await this.#onChord('counting a chord', chord, [
        { sql: this.#sql['add-parts'], values: partParams(chord, together) },
        { sql: this.#sql.chord, values: [chord] },
      ])
      arrivals(together, fresh, rows).forEach((arrival, at) => void answers.set(together[at] as Part, arrival))
    }
    // Each part belongs to one of the chords.
    return parts.map(part => answers.get(part) as PartArrival)
  }

  /**
   * The chord's row is locked first, so whatever follows sees what everybody before has done to it. Resolves to the
   * answers of the steps.
   */
  async #onChord(doing: string, chord: GroupId, steps: readonly Step[]): Promise<readonly (readonly Row[])[]> {
    const answers = await this.#do(doing, line =>
      line.connection.transaction([
        { sql: this.#sql['open-chord'], values: [chord] },
        { sql: this.#sql['renew-chord'], values: [chord] },
        ...steps,
      ]),
    )
    return answers.slice(-steps.length)
  }

  #expireSome(): Promise<number> {
    return this.#do('cleaning up', async ({ connection }) => {
      const { 'expire-results': results, 'expire-chords': chords, 'expire-groups': groups } = this.#sql
      const counts = await Promise.all(
        [results, chords, groups].map(sql => connection.query(sql, [EXPIRE_ROWS]).then(([row]) => Number(row?.[0]))),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    })
  }

  /** Whoever stores throws out what is old, so that nobody has to ask for it. */
  #expireNowAndThen(): void {
    const now = this.#options.runtime.clock.steady()
    if (now - this.#expiredAt < EXPIRE_EVERY) return
    this.#expiredAt = now
    this.#expiring = this.#expireSome().catch(() => undefined)
  }

  /** Never rejects: what goes wrong ends the watch. */
  async #begin(watch: Watch): Promise<void> {
    try {
      await this.#do('watching results', line => line.lookout.add(watch))
    } catch (error) {
      watch.fail(error)
    }
  }

  #readable(row: FoundResultRow): ResultMeta {
    try {
      return this.#columns.read(row)
    } catch (error) {
      return unreadableRecord(row.taskId, error as Error)
    }
  }

  async #do<T>(doing: string, act: (line: Line) => Promise<T>): Promise<T> {
    if (this.#over !== undefined) throw this.#over
    const { runtime, target } = this.#options
    try {
      this.#line ??= this.#connect()
      const line = await this.#line
      return await tryAgain(runtime, this.#gone.signal, () => act(line))
    } catch (error) {
      throw this.#over ?? postgresTrouble(doing, target.shown, error)
    }
  }

  async #connect(): Promise<Line> {
    const { target, runtime, answerMs } = this.#options
    const { clock, host, log } = runtime
    const warning = securityWarning(target)
    if (warning !== undefined) log.warning(warning)
    const name = `lovage results ${host.pid}@${host.name}`
    try {
      const connection = await PostgresConnection.open({
        target,
        name,
        clock,
        ...(answerMs !== undefined && { answerMs }),
      })
      await migrate(connection, resultSchema(this.#schema)).catch(async error => {
        await connection[Symbol.asyncDispose]()
        throw error
      })
      const lookout = new Lookout({ connection, schema: this.#schema, sql: this.#sql, clock })
      void connection.closed.then(error => {
        lookout.end()
        this.#line = undefined
        if (error === undefined) return
        for (const watch of this.#watches) watch.fail(postgresTrouble('watching results', target.shown, error))
      })
      return { connection, lookout }
    } catch (error) {
      this.#line = undefined
      throw error
    }
  }
}
