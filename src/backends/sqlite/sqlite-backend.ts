import { SqliteDamagedError } from '../../drivers/errors.js'
import type { Durability } from '../../drivers/sqlite/database.js'
import type { HostEnd, HostOptions, SqliteHost } from '../../drivers/sqlite/host.js'
import { openLocalHost } from '../../drivers/sqlite/local-host.js'
import type { Answer, Argument, OperationName } from '../../drivers/sqlite/operations.js'
import type { Processes } from '../../drivers/sqlite/processes.js'
import { openThreadHost } from '../../drivers/sqlite/thread-host.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import { decodeResult, encodeGroup, encodeResult, type ResultEncoding } from '../../protocol/encode-result.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Limits } from '../../protocol/limits.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { Addition, Arrival, BackendFeatures, ChordPart, ResultBackend, StoreOptions } from '../backend.js'
import { ResultColumns } from '../celery-tables/result-columns.js'
import type { FoundResultRow } from '../celery-tables/result-row.js'
import { readSavedGroup } from '../celery-tables/saved-group.js'
import { partsInTree } from '../chord-tree.js'
import { BackendError } from '../errors.js'
import { jsonStoreCodec } from '../json-store-codec.js'
import { completeCount, type QuietChord, type QuietClaim } from '../quiet-chord.js'
import type { RevocationLog } from '../revocation-log.js'
import { unreadableRecord } from '../unreadable-record.js'
import { operations } from './operations.js'
import type { ResultEvent, ResultOperations } from './result-calls.js'
import { sqliteTrouble } from './sqlite-trouble.js'
import { Watch, Watches } from './watches.js'

/*
 * Results in a SQLite file that any number of processes on one machine share, Python's Celery among them
 * (`db+sqlite:///…`): records stand in Celery's own tables, what those have no column for in tables beside.
 *
 * - The connection lives on a thread of its own; what one turn of the event loop stores shares one commit, and `store`
 *   resolves after it. With durability `full` a stored result survives power loss.
 * - Watching costs nothing while nothing changes: writers wake watchers through a watched file beside the database,
 *   usually within a millisecond, and through polling every 250 ms at the latest (so are Python's writes noticed).
 * - The file is opened at the first call, and anew at the next call after it was lost. Watches end with a transient
 *   error then. A damaged file is renamed aside and not worked with again (D3d).
 * - Chords are counted here, so those that Lovage sends need Lovage workers. A chord that Python sends over this backend
 *   is completed by its `celery.chord_unlock`; its parts are kept and never counted complete, since its size is told in
 *   the message only: counting as well would start the body twice.
 * - Saved groups of ours can be read by Lovage only, because Python pickles its own objects there.
 */

export interface SqliteBackendOptions {
  /** As shown to people. */
  readonly url: string
  readonly path: string
  readonly runtime: Runtime
  readonly codec: Codec
  /** Default `full`. */
  readonly durability?: Durability
  /** Setting `resultSerializer`, for the arguments in extended records. Values are always pickles. Default `json`. */
  readonly serializer?: string
  readonly limits?: Limits
  readonly allowNetworkFilesystem?: boolean
  /** How long SQLite waits for other processes' locks before a batch is tried anew. Default 5 s. */
  readonly busyTimeoutMs?: Ms
  /** Keeps the connection in this thread, with these processes, on the runtime's clock: for tests and simulation. */
  readonly local?: Processes
}

type Host = SqliteHost<ResultOperations>

const FEATURES: BackendFeatures = { durable: true, chords: true, shared: true }

/** Opens nothing yet. */
export function createSqliteBackend(options: SqliteBackendOptions): ResultBackend {
  return new SqliteBackend(options)
}

class SqliteBackend implements ResultBackend {
  readonly url: string
  readonly features = FEATURES
  readonly revocations: RevocationLog = {
    append: (entries, keep) => this.#call('addRevocations', { entries, keep }, 'keeping revocations'),
    after: (cursor, limit) => this.#call('revocationsAfter', { cursor, limit }, 'reading revocations'),
  }
  readonly #options: SqliteBackendOptions
  readonly #columns: ResultColumns
  /** For groups and parts, which only Lovage reads: not subject to the app's accept list. */
  readonly #json: Codec
  readonly #encoding: ResultEncoding
  readonly #watches = new Watches()
  #host: Promise<Host> | undefined
  /** Set once it must not be worked with any more: closed, or damaged. */
  #over: BackendError | undefined

  constructor(options: SqliteBackendOptions) {
    const { url, codec, serializer, limits } = options
    this.url = maskUrl(url)
    this.#options = options
    this.#columns = new ResultColumns(codec, { serializer, limits })
    this.#json = jsonStoreCodec(limits)
    this.#encoding = { limits }
  }

  async store(meta: ResultMeta, { ttl, fence }: StoreOptions): Promise<'stored' | 'refused'> {
    const row = this.#columns.write(meta)
    return this.#call('store', { row, fence, ttl }, 'storing a result')
  }

  async fetch(id: TaskId): Promise<ResultMeta | undefined> {
    const row = await this.#call('fetch', id, 'reading a result')
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
      void this.#leave(watch)
    }
  }

  async findIds(prefix: string, limit: number): Promise<readonly TaskId[]> {
    return await this.#call('findIds', { prefix, limit }, 'looking for results')
  }

  async forget(ids: readonly TaskId[]): Promise<void> {
    await this.#call('forget', ids, 'forgetting results')
  }

  async saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    const meta = ownBytes(encodeGroup(group, this.#json, this.#encoding))
    await this.#call('saveGroup', { id: group.id, meta, ttl }, 'saving a group')
  }

  async fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    const found = await this.#call('fetchGroup', id, 'reading a group')
    return found === undefined ? undefined : readSavedGroup(id, found, this.#json)
  }

  async forgetGroup(id: GroupId): Promise<void> {
    await this.#call('forgetGroup', id, 'forgetting a group')
  }

  async setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    await this.#call('setChordSize', { chord, size, ttl, memo }, 'telling the size of a chord')
  }

  async claimQuietChords(claim: QuietClaim): Promise<readonly QuietChord[]> {
    const found = await this.#call('claimQuietChords', claim, 'looking for quiet chords')
    return await Promise.all(
      found.map(async ({ count, ...chord }): Promise<QuietChord> => {
        if (count.kind === 'waiting') return { ...chord, count }
        return { ...chord, count: await completeCount(() => this.#inTree(chord.chord, count.parts)) }
      }),
    )
  }

  async addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    return await this.#call('addToChord', { chord, tasks, ttl }, 'adding to a chord')
  }

  async arrive({ chord, index, taskId, meta }: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    const bytes = ownBytes(encodeResult(meta, this.#json, this.#encoding))
    const arrival = await this.#call('arrive', { chord, index, taskId, meta: bytes, ttl }, 'counting a chord')
    if (arrival.kind !== 'complete') return arrival
    return { kind: 'complete', parts: await this.#inTree(chord, arrival.parts) }
  }

  async close(chord: GroupId): Promise<void> {
    await this.#call('close', chord, 'closing a chord')
  }

  cleanup(): Promise<number> {
    return this.#call('cleanup', null, 'cleaning up')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over ??= new BackendError('LVG_BACKEND_CLOSED', `The result backend ${this.url} was closed.`, {
      transient: false,
    })
    this.#watches.end()
    const host = this.#host
    this.#host = undefined
    // One that could not be opened has nothing to close.
    await (await host?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  async #inTree(chord: GroupId, parts: readonly Uint8Array[]): Promise<readonly ResultMeta[]> {
    return await partsInTree(
      parts.map(part => decodeResult(part, this.#json, this.#encoding)),
      await this.fetchGroup(chord),
    )
  }

  async #call<Name extends OperationName<ResultOperations>>(
    name: Name,
    args: Argument<ResultOperations, Name>,
    doing: string,
  ): Promise<Answer<ResultOperations, Name>> {
    try {
      const host = await this.#opened()
      return await host.call(name, args)
    } catch (error) {
      throw sqliteTrouble(doing, this.#options.path, error)
    }
  }

  /** Never rejects: what goes wrong ends the watch. */
  async #begin(watch: Watch): Promise<void> {
    try {
      const host = await this.#opened()
      if (this.#watches.size > 0) host.keepAlive(true)
      watch.begin(await host.call('watch', [...watch.ids]))
    } catch (error) {
      watch.fail(sqliteTrouble('watching results', this.#options.path, error))
    }
  }

  async #leave(watch: Watch): Promise<void> {
    const left = this.#watches.remove(watch)
    const host = await this.#host?.catch(() => undefined)
    if (host === undefined) return
    if (this.#watches.size === 0) host.keepAlive(false)
    // Another watch may have come meanwhile, and asked before us.
    const unwatched = left.filter(id => !this.#watches.has(id))
    // When the host is lost, so are its watches.
    if (unwatched.length > 0) await host.call('unwatch', unwatched).catch(() => undefined)
  }

  #readable(row: FoundResultRow): ResultMeta {
    try {
      return this.#columns.read(row)
    } catch (error) {
      return unreadableRecord(row.taskId, error as Error)
    }
  }

  #opened(): Promise<Host> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    this.#host ??= this.#open()
    return this.#host
  }

  async #open(): Promise<Host> {
    try {
      const host = await this.#openHost()
      void host.closed.then(end => this.#ended(end))
      return host
    } catch (error) {
      this.#lost(error)
      throw error
    }
  }

  async #openHost(): Promise<Host> {
    const { path, runtime, local, durability = 'full', allowNetworkFilesystem = false, busyTimeoutMs } = this.#options
    const options: HostOptions<undefined> = {
      path,
      durability,
      config: undefined,
      allowNetworkFilesystem,
      wakeName: 'wake-results',
      ...(busyTimeoutMs !== undefined && { busyTimeoutMs }),
      // Operations emit nothing but these.
      onEvent: event => this.#watches.hear(event as ResultEvent),
    }
    if (local !== undefined) {
      return openLocalHost<undefined, ResultOperations>({ ...options, operations, runtime, processes: local })
    }
    const module = new URL('./operations.js', import.meta.url)
    return openThreadHost<undefined, ResultOperations>({ ...options, module })
  }

  #ended(end: HostEnd): void {
    if (end.kind === 'closed') return
    this.#lost(end.error)
    this.#watches.fail(sqliteTrouble('watching results', this.#options.path, end.error))
  }

  /** The next call opens the file anew, unless it is damaged. */
  #lost(error: unknown): void {
    this.#host = undefined
    if (!(error instanceof SqliteDamagedError)) return
    this.#over ??= new BackendError(error.code, error.message, { cause: error, transient: false })
  }
}

/** Bytes in a buffer of their own: a view into a pool would be cloned with the whole pool. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
