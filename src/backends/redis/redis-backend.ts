import { isUtf8 } from 'node:buffer'
import { RedisError } from '../../drivers/errors.js'
import { openRedis } from '../../drivers/redis/open-redis.js'
import type { RedisAddress } from '../../drivers/redis/redis-address.js'
import type { RedisArgument, RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import { Batcher } from '../../lib/batcher.js'
import { Channel } from '../../lib/channel.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import {
  decodeChordPart,
  decodeGroup,
  decodeResult,
  encodeChordPart,
  encodeGroup,
  encodeResult,
  type ResultEncoding,
} from '../../protocol/encode-result.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Limits } from '../../protocol/limits.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { Addition, Arrival, BackendFeatures, ChordPart, Fence, ResultBackend, StoreOptions } from '../backend.js'
import { partsInTree } from '../chord-tree.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { BackendError } from '../errors.js'
import { completeCount, type QuietChord, type QuietClaim } from '../quiet-chord.js'
import type { LoggedRevocation, RevocationKeep, RevocationLog, RevocationPage } from '../revocation-log.js'
import { unreadableRecord } from '../unreadable-record.js'
import { ResultKeys } from './result-keys.js'
import { type Listener, ResultSubscriptions } from './result-subscriptions.js'
import { loadBackendScripts, type Scripts } from './scripts.js'

/*
 * Results in Redis as Celery keeps them (celery/backends/redis.py), so that Python reads what we store and the reverse, and
 * both count the parts of one chord.
 *
 * - A record is a string under `celery-task-meta-<id>`, published on the channel of the same name: waiting is a
 *   subscription, on a connection of its own, followed by one look at what is there.
 * - What decides whether a record may be written happens in the server, in the step that writes it (judge-store.ts). The
 *   fence of an attempt stands beside the record, `lovage.fence.<id>`, and lives as long (D45).
 * - What one turn of the event loop stores is one script.
 * - Parts of chords count in Celery's sorted set, by their index; a chord that Lovage finished leaves `lovage.closed.<id>`.
 * - The connection is opened at the first call, and anew at the next call after it was lost. Watches end with a transient
 *   error then.
 */

export interface RedisBackendOptions {
  readonly address: RedisAddress
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly codec: Codec
  /** Setting `resultSerializer`. Default `json`. */
  readonly serializer?: string
  readonly limits?: Limits
  /** Transport option `globalKeyprefix`. */
  readonly prefix?: string
  /** Transport option `resultChordOrdered`, the same in the whole fleet. Default true. */
  readonly chordOrdered?: boolean
  /** Pause between looks whether the subscribing connection still lives. Default 25 s, as Celery. */
  readonly healthCheckMs?: Ms
  /** Shown in the server's list of clients. */
  readonly name?: string
}

const FEATURES: BackendFeatures = { durable: true, chords: true, shared: true }
const HEALTH_MS: Ms = 25_000
/** Records of one script, keys of one MGET. */
const BATCH = 500
/** Keys of one look at all there are. */
const SCANNED = 1000
const BATCH_BYTES: number = 16 * 1024 * 1024

interface StoreCall {
  readonly id: TaskId
  readonly record: Uint8Array
  readonly status: string
  readonly ttl: Ms | undefined
  readonly fence: Fence | undefined
}

/** Connects to nothing yet. */
export function createRedisBackend(options: RedisBackendOptions): ResultBackend {
  return new RedisBackend(options)
}

class RedisBackend implements ResultBackend {
  readonly url: string
  readonly features = FEATURES
  readonly revocations: RevocationLog = {
    append: (entries, keep) => this.#addRevocations(entries, keep),
    after: (cursor, limit) => this.#revocationsAfter(cursor, limit),
  }
  readonly #options: RedisBackendOptions
  readonly #keys: ResultKeys
  readonly #encoding: ResultEncoding
  readonly #scripts: Scripts = loadBackendScripts()
  readonly #stores: Batcher<StoreCall, RedisReply, 'stored' | 'refused'>
  readonly #watches = new Set<Channel<ResultMeta>>()
  #connection: Promise<RedisConnection> | undefined
  #subscriptions: Promise<ResultSubscriptions> | undefined
  #subscriber: RedisConnection | undefined
  #health: Disposable | undefined
  #closed = false

  constructor(options: RedisBackendOptions) {
    this.url = options.address.url
    this.#options = options
    this.#keys = new ResultKeys(options.prefix ?? '')
    this.#encoding = { serializer: options.serializer, limits: options.limits }
    this.#stores = new Batcher({
      maxCount: BATCH,
      maxWeight: BATCH_BYTES,
      weigh: call => call.record.byteLength,
      send: calls => this.#store(calls),
      answer: (call, answer) => this.#judged(call, answer),
      abandoned: (_phase, cause) => Promise.reject(this.#trouble(cause)),
    })
  }

  store(meta: ResultMeta, { ttl, fence }: StoreOptions): Promise<'stored' | 'refused'> {
    let record: Uint8Array
    try {
      record = encodeResult(meta, this.#options.codec, this.#encoding)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#stores.ask({ id: meta.taskId, record, status: meta.status, ttl, fence })
  }

  async fetch(id: TaskId): Promise<ResultMeta | undefined> {
    const found = await this.#call('reading a result', 'get', this.#keys.taskKey(id))
    return found === null ? undefined : this.#decode(found as Buffer)
  }

  async *watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    if (signal.aborted) return
    this.#mustBeOpen()
    const news = new Channel<ResultMeta>()
    const watch = new Watch([...new Set(ids)], news, this.#keys, bytes => this.#decode(bytes))
    const end = (): void => endNow(news)
    signal.addEventListener('abort', end, { once: true })
    this.#watches.add(news)
    void this.#begin(watch)
    try {
      for await (const meta of news) yield meta
      if (watch.error !== undefined && !signal.aborted) throw watch.error
    } finally {
      this.#watches.delete(news)
      signal.removeEventListener('abort', end)
      void this.#leave(watch)
    }
  }

  async findIds(prefix: string, limit: number): Promise<readonly TaskId[]> {
    const pattern = `${globbed(this.#keys.task + prefix)}*`
    const found = new Set<TaskId>()
    let cursor = '0'
    do {
      const answer = await this.#call('looking for results', 'scan', cursor, 'MATCH', pattern, 'COUNT', SCANNED)
      const [next, keys] = answer as readonly [RedisReply, readonly RedisReply[]]
      for (const key of keys) found.add(this.#keys.taskOf(String(key)))
      cursor = String(next)
    } while (cursor !== '0' && found.size < limit)
    return [...found].slice(0, limit)
  }

  async forget(ids: readonly TaskId[]): Promise<void> {
    for (let at = 0; at < ids.length; at += BATCH) {
      const keys = ids.slice(at, at + BATCH).flatMap(id => [this.#keys.taskKey(id), this.#keys.fenceKey(id)])
      await this.#call('forgetting results', 'del', ...keys)
    }
  }

  async saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    const bytes = encodeGroup(group, this.#options.codec, this.#encoding)
    await this.#set('saving a group', this.#keys.groupKey(group.id), asBuffer(bytes), ttl)
  }

  async fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    const found = await this.#call('reading a group', 'get', this.#keys.groupKey(id))
    return found === null ? undefined : decodeGroup(found as Buffer, this.#options.codec, this.#encoding)
  }

  async forgetGroup(id: GroupId): Promise<void> {
    await this.#call('forgetting a group', 'del', this.#keys.groupKey(id))
  }

  async setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    const [, , sizeKey, closed, quiet, kept] = this.#keys.chordKeys(chord)
    const doing = 'telling the size of a chord'
    if (memo === undefined) await this.#set(doing, sizeKey, size, ttl)
    else await this.#run(doing, 'open-chord', [sizeKey, closed, quiet, kept], [chord, size, ttl ?? 0, memo])
  }

  async claimQuietChords({ quiet, hold, most, limit }: QuietClaim): Promise<readonly QuietChord[]> {
    const keys = [...this.#keys.quiet, this.#keys.group]
    const answer = await this.#run('looking for quiet chords', 'claim-quiet', keys, [quiet, hold, most, limit])
    return await Promise.all((answer as readonly RedisReply[][]).map(found => this.#quiet(found)))
  }

  async addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    const words = [chord, ttl ?? 0, this.#partsKind, ...tasks]
    const answer = await this.#run('adding to a chord', 'add-to-chord', this.#keys.chordKeys(chord), words)
    return answer === 1 ? 'added' : 'over'
  }

  async arrive({ chord, index, taskId, meta }: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    const part = asBuffer(encodeChordPart(meta, this.#options.codec, this.#encoding))
    const kind = this.#partsKind
    const answer = await this.#run('counting a chord', 'arrive', this.#keys.chordKeys(chord), [
      part,
      taskId,
      index ?? '',
      ttl ?? 0,
      kind,
      chord,
    ])
    if (answer === -1) return { kind: 'closed' }
    if (!Array.isArray(answer)) return { kind: 'waiting' }
    return { kind: 'complete', parts: await this.#complete(chord, answer) }
  }

  async close(chord: GroupId): Promise<void> {
    await this.#run('closing a chord', 'close', this.#keys.chordKeys(chord), [CLOSED_CHORD_TTL, chord])
  }

  /** Redis drops what has expired by itself. */
  async cleanup(): Promise<number> {
    this.#mustBeOpen()
    return 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stores.drain()
    this.#closed = true
    for (const news of this.#watches) endNow(news)
    // It may be on its way still.
    await this.#subscriptions?.catch(() => undefined)
    this.#health?.[Symbol.dispose]()
    await this.#subscriber?.[Symbol.asyncDispose]()
    await (await this.#connection?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  /** Of the key in which parts are kept. */
  get #partsKind(): 'list' | 'zset' {
    return this.#options.chordOrdered === false ? 'list' : 'zset'
  }

  async #quiet(found: readonly RedisReply[]): Promise<QuietChord> {
    const [id, memo, quiet, size, state, parts] = found
    // The script names what it found under the names that were given.
    const chord = String(id) as GroupId
    const list = parts as readonly RedisReply[]
    const told = { chord, memo: String(memo), quiet: Number(quiet) }
    if (String(state) === 'waiting') {
      const arrived = list.map(String).filter(text => text !== '') as readonly string[] as readonly TaskId[]
      return { ...told, count: { kind: 'waiting', size: Number(size), arrived } }
    }
    return { ...told, count: await completeCount(() => this.#complete(chord, list), String(state) === 'foreign') }
  }

  async #complete(chord: GroupId, members: readonly RedisReply[]): Promise<readonly ResultMeta[]> {
    const saved = await this.fetchGroup(chord)
    const { codec } = this.#options
    const parts = members.map(one => decodeChordPart(one as Buffer, codec, this.#encoding))
    return saved === undefined ? parts : await partsInTree(parts, saved, ids => this.#fetchAll(ids))
  }

  async #addRevocations(entries: readonly string[], { ttl, max }: RevocationKeep): Promise<void> {
    for (let at = 0; at < entries.length; at += BATCH) {
      const words = [ttl, max, ...entries.slice(at, at + BATCH)]
      await this.#run('keeping revocations', 'add-revocations', this.#keys.revocations, words)
    }
  }

  async #revocationsAfter(cursor: string, limit: number): Promise<RevocationPage> {
    const [entriesKey, untilKey] = this.#keys.revocations
    const words = [cursor === '' ? 0 : cursor, limit]
    const answer = await this.#run('reading revocations', 'revocations-after', [entriesKey, untilKey], words)
    // Number of the last one, then each entry with the time it is still kept; 0 where its time is over.
    const [last, ...found] = (answer as readonly RedisReply[]).map(String)
    const entries: LoggedRevocation[] = []
    for (let i = 0; i + 1 < found.length; i += 2) {
      const left = Number(found[i + 1])
      if (left > 0) entries.push({ entry: found[i] as string, left })
    }
    return { entries, cursor: last ?? cursor }
  }

  async #store(calls: readonly StoreCall[]): Promise<readonly RedisReply[]> {
    const words: RedisArgument[] = []
    for (const call of calls) addWords(words, call, undefined)
    const answers = await this.#run('storing results', 'store', [this.#keys.task, this.#keys.fence], words)
    // The script answers once for each.
    return answers as readonly RedisReply[]
  }

  /** At once, nearly always. */
  #judged(call: StoreCall, answer: RedisReply): 'stored' | 'refused' | Promise<'stored' | 'refused'> {
    if (answer === 1) return 'stored'
    return answer === 0 ? 'refused' : this.#judgeAgain(call, answer)
  }

  /** A record that only its serializer can read is looked at here, then judged again if it is still the same. */
  async #judgeAgain(call: StoreCall, answer: RedisReply): Promise<'stored' | 'refused'> {
    for (let found = answer; ; ) {
      if (found === 1) return 'stored'
      if (found === 0) return 'refused'
      const words: RedisArgument[] = []
      addWords(words, call, { record: found as Buffer, status: this.#statusOf(found as Buffer) })
      const again = await this.#run('storing a result', 'store', [this.#keys.task, this.#keys.fence], words)
      found = (again as readonly RedisReply[])[0] as RedisReply
    }
  }

  /** What nobody can read may be overwritten. */
  #statusOf(record: Buffer): string {
    try {
      return this.#decode(record).status
    } catch {
      return 'PENDING'
    }
  }

  async #fetchAll(ids: readonly TaskId[]): Promise<readonly (ResultMeta | undefined)[]> {
    const found = await this.#read(ids.map(id => this.#keys.taskKey(id)))
    return found.map(bytes => (bytes === null ? undefined : this.#decode(bytes)))
  }

  async #read(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    const found: (Buffer | null)[] = []
    for (let at = 0; at < keys.length; at += BATCH) {
      const part = await this.#call('reading results', 'mget', ...keys.slice(at, at + BATCH))
      found.push(...(part as readonly (Buffer | null)[]))
    }
    return found
  }

  /** As Celery stores it, published although nobody listens. */
  async #set(doing: string, key: string, value: RedisArgument, ttl: Ms | undefined): Promise<void> {
    const life = ttl === undefined ? [] : ['PX', ttl]
    try {
      const connection = await this.#opened()
      await connection.transaction(doing, [
        ['set', key, value, ...life],
        ['publish', key, value],
      ])
    } catch (error) {
      throw this.#trouble(error)
    }
  }

  async #call(doing: string, name: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    try {
      const connection = await this.#opened()
      return await connection.call(doing, name, args)
    } catch (error) {
      throw this.#trouble(error)
    }
  }

  async #run(
    doing: string,
    script: keyof Scripts,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<RedisReply> {
    try {
      const connection = await this.#opened()
      return await connection.run(doing, this.#scripts[script], keys, args)
    } catch (error) {
      throw this.#trouble(error)
    }
  }

  /** Never rejects: what goes wrong ends the watch. */
  async #begin(watch: Watch): Promise<void> {
    try {
      const subscriptions = await this.#subscribed()
      await subscriptions.listen(watch.channels, watch)
      const present = await this.#read(watch.channels)
      // Where nothing was, whatever there is comes by the subscription, after this look.
      if (present.some(record => record !== null)) await subscriptions.barrier()
      watch.begin(present)
    } catch (error) {
      watch.lost(this.#trouble(error))
    }
  }

  async #leave(watch: Watch): Promise<void> {
    const subscriptions = await this.#subscriptions?.catch(() => undefined)
    subscriptions?.leave(watch.channels, watch)
  }

  #decode(bytes: Buffer): ResultMeta {
    return decodeResult(bytes, this.#options.codec, this.#encoding)
  }

  #opened(): Promise<RedisConnection> {
    this.#mustBeOpen()
    this.#connection ??= this.#open('results', () => {
      this.#connection = undefined
    })
    return this.#connection
  }

  #subscribed(): Promise<ResultSubscriptions> {
    this.#mustBeOpen()
    this.#subscriptions ??= this.#subscribe()
    return this.#subscriptions
  }

  async #subscribe(): Promise<ResultSubscriptions> {
    const connection = await this.#open('subscriptions', () => {
      this.#subscriptions = undefined
      this.#subscriber = undefined
      this.#health?.[Symbol.dispose]()
    })
    this.#subscriber = connection
    this.#checkHealth(connection)
    return new ResultSubscriptions(connection)
  }

  /** A subscriber only hears: without a question it would never notice that nobody is there any more (D86). */
  #checkHealth(connection: RedisConnection): void {
    const { clock } = this.#options.runtime
    this.#health = clock.timer(this.#options.healthCheckMs ?? HEALTH_MS, () => {
      if (!connection.open) return
      connection.call('checking the connection', 'ping').catch(() => {})
      this.#checkHealth(connection)
    })
  }

  async #open(what: string, lost: () => void): Promise<RedisConnection> {
    try {
      const { address, name = 'lovage' } = this.#options
      const connection = await openRedis(address, { name: `${name}-${what}` })
      connection.keepAlive(false)
      void connection.closed.then(lost)
      return connection
    } catch (error) {
      lost()
      throw error
    }
  }

  #mustBeOpen(): void {
    if (!this.#closed) return
    throw new BackendError('LVG_BACKEND_CLOSED', `The result backend ${this.url} was closed.`, { transient: false })
  }

  #trouble(error: unknown): Error {
    if (!(error instanceof RedisError)) return error instanceof Error ? error : new Error(String(error))
    return new BackendError(error.code, error.message, { cause: error, transient: error.transient })
  }
}

/** What is told of some ids: their records as of the beginning, then every later one. */
class Watch implements Listener {
  readonly channels: readonly string[]
  readonly #news: Channel<ResultMeta>
  readonly #keys: ResultKeys
  readonly #decode: (bytes: Buffer) => ResultMeta
  /** Until the beginning has been told: the last message of each channel. */
  #early: Map<string, Buffer> | undefined = new Map()
  #error: Error | undefined

  constructor(
    ids: readonly TaskId[],
    news: Channel<ResultMeta>,
    keys: ResultKeys,
    decode: (bytes: Buffer) => ResultMeta,
  ) {
    this.channels = ids.map(id => keys.taskKey(id))
    this.#news = news
    this.#keys = keys
    this.#decode = decode
  }

  get error(): Error | undefined {
    return this.#error
  }

  /** Records are as new as the last message heard so far, or older. */
  begin(present: readonly (Buffer | null)[]): void {
    const early = this.#early ?? new Map()
    this.#early = undefined
    for (const [at, channel] of this.channels.entries()) {
      const record = early.get(channel) ?? present[at]
      if (record !== null && record !== undefined) this.#tell(channel, record)
    }
  }

  hear(channel: string, message: Buffer): void {
    if (this.#early === undefined) this.#tell(channel, message)
    else this.#early.set(channel, message)
  }

  lost(error: Error): void {
    this.#error =
      error instanceof RedisError
        ? new BackendError(error.code, error.message, { cause: error, transient: error.transient })
        : error
    this.#news.close()
  }

  #tell(channel: string, record: Buffer): void {
    try {
      this.#news.push(this.#decode(record))
    } catch (error) {
      this.#news.push(unreadableRecord(this.#keys.taskOf(channel), error as Error))
    }
  }
}

/** Three for each record, five where a stored one was read here; what is short goes in one word. */
function addWords(
  words: RedisArgument[],
  { id, record, status, ttl, fence }: StoreCall,
  read: { readonly record: Buffer; readonly status: string } | undefined,
): void {
  const life = ttl === undefined ? 0 : Math.max(1, Math.ceil(ttl))
  const order = fence === undefined ? '- -' : `${fence.retries} ${fence.claim}`
  words.push(id, wordOf(record), `${read === undefined ? 3 : 5} ${life} ${order} ${status}`)
  if (read !== undefined) words.push(read.record, read.status)
}

/** As text where it is one, as JSON is: the client writes a command of texts in one piece, and copies one with bytes part by part. */
function wordOf(record: Uint8Array): RedisArgument {
  const bytes = asBuffer(record)
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** As itself in a pattern. */
function globbed(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}

/** What waits is not told any more. */
function endNow(news: Channel<ResultMeta>): void {
  news.take()
  news.close()
}
