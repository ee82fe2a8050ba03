import type { RedisAddress } from '../../drivers/redis/redis-address.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import type { ResultEncoding } from '../../protocol/encode-result.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Limits } from '../../protocol/limits.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { Addition, Arrival, BackendFeatures, ChordPart, ResultBackend, StoreOptions } from '../backend.js'
import type { QuietChord, QuietClaim } from '../quiet-chord.js'
import type { RevocationLog } from '../revocation-log.js'
import { RedisChords } from './redis-chords.js'
import { RedisGroups } from './redis-groups.js'
import { RedisLines } from './redis-lines.js'
import { RedisRecords } from './redis-records.js'
import { RedisRevocationLog } from './redis-revocation-log.js'
import { RedisWatches } from './redis-watches.js'
import { ResultKeys } from './result-keys.js'

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
/** Connects to nothing yet. */
export function createRedisBackend(options: RedisBackendOptions): ResultBackend {
  return new RedisBackend(options)
}

class RedisBackend implements ResultBackend {
  readonly url: string
  readonly features = FEATURES
  readonly revocations: RevocationLog
  readonly #lines: RedisLines
  readonly #records: RedisRecords
  readonly #watches: RedisWatches
  readonly #groups: RedisGroups
  readonly #chords: RedisChords

  constructor(options: RedisBackendOptions) {
    const { address, runtime, codec, serializer, limits, prefix = '', chordOrdered = true } = options
    const { name = 'lovage', healthCheckMs = HEALTH_MS } = options
    const lines = new RedisLines({ address, clock: runtime.clock, name, healthCheckMs })
    const keys = new ResultKeys(prefix)
    const encoding: ResultEncoding = { serializer, limits }
    const parts = { lines, keys, codec, encoding }
    const records = new RedisRecords(parts)
    const groups = new RedisGroups(parts)
    this.url = address.url
    this.revocations = new RedisRevocationLog(lines, keys)
    this.#lines = lines
    this.#records = records
    this.#watches = new RedisWatches({ lines, keys, records })
    this.#groups = groups
    this.#chords = new RedisChords({ ...parts, ordered: chordOrdered, groups, records })
  }

  store(meta: ResultMeta, options: StoreOptions): Promise<'stored' | 'refused'> {
    return this.#records.store(meta, options)
  }

  fetch(id: TaskId): Promise<ResultMeta | undefined> {
    return this.#records.fetch(id)
  }

  watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    return this.#watches.watch(ids, signal)
  }

  findIds(prefix: string, limit: number): Promise<readonly TaskId[]> {
    return this.#records.findIds(prefix, limit)
  }

  forget(ids: readonly TaskId[]): Promise<void> {
    return this.#records.forget(ids)
  }

  saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    return this.#groups.save(group, ttl)
  }

  fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    return this.#groups.fetch(id)
  }

  forgetGroup(id: GroupId): Promise<void> {
    return this.#groups.forget(id)
  }

  setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    return this.#chords.setSize(chord, size, ttl, memo)
  }

  claimQuietChords(claim: QuietClaim): Promise<readonly QuietChord[]> {
    return this.#chords.claimQuiet(claim)
  }

  addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    return this.#chords.add(chord, tasks, ttl)
  }

  arrive(part: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    return this.#chords.arrive(part, ttl)
  }

  close(chord: GroupId): Promise<void> {
    return this.#chords.close(chord)
  }

  /** Redis drops what has expired by itself. */
  async cleanup(): Promise<number> {
    this.#lines.mustBeOpen()
    return 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records.drain()
    // Nothing is asked any more from here on, and then nobody waits any more.
    const closed = this.#lines[Symbol.asyncDispose]()
    this.#watches.end()
    await closed
  }
}
