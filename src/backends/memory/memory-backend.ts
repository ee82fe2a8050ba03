import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import {
  decodeGroup,
  decodeResult,
  encodeGroup,
  encodeResult,
  type ResultEncoding,
} from '../../protocol/encode-result.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Limits } from '../../protocol/limits.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { Addition, Arrival, BackendFeatures, ChordPart, ResultBackend, StoreOptions } from '../backend.js'
import { partsInTree } from '../chord-tree.js'
import { BackendError } from '../errors.js'
import { jsonStoreCodec } from '../json-store-codec.js'
import { News, type NewsSource } from '../news.js'
import { completeCount, type KeptQuietChord, type QuietChord, type QuietClaim } from '../quiet-chord.js'
import type { RevocationLog } from '../revocation-log.js'
import { MemoryBackendWorld } from './memory-backend-world.js'

export interface MemoryBackendOptions {
  readonly runtime: Pick<Runtime, 'clock'>
  /** Shared with other backends, and outlives this one. Default: a world of its own. */
  readonly world?: MemoryBackendWorld
  readonly limits?: Limits
  /** Default `memory://`. */
  readonly url?: string
}

/**
 * Results inside this process: for tests, simulation, and programs that need no second process. What is stored goes
 * through the result's JSON and back, so that a reader never shares an object with the writer, and a value that other
 * backends cannot keep is refused here as well.
 */
export function createMemoryBackend(options: MemoryBackendOptions): ResultBackend {
  return new MemoryBackend(options)
}

class MemoryBackend implements ResultBackend {
  readonly url: string
  readonly features: BackendFeatures
  readonly revocations: RevocationLog
  readonly #world: MemoryBackendWorld
  readonly #codec: Codec
  readonly #encoding: ResultEncoding
  readonly #news = new News<Uint8Array>()
  #open = true

  constructor(options: MemoryBackendOptions) {
    const { runtime, world = new MemoryBackendWorld(runtime), url = 'memory://' } = options
    this.url = url
    this.features = { durable: false, chords: true, shared: options.world !== undefined }
    this.#world = world
    this.revocations = world.revocations
    this.#codec = jsonStoreCodec(options.limits)
    this.#encoding = { limits: options.limits }
  }

  async store(meta: ResultMeta, options: StoreOptions): Promise<'stored' | 'refused'> {
    this.#mustBeOpen()
    return this.#world.store(meta.taskId, meta.status, this.#encode(meta), options)
  }

  async fetch(id: TaskId): Promise<ResultMeta | undefined> {
    this.#mustBeOpen()
    const found = this.#world.fetch(id)
    return found === undefined ? undefined : this.#decode(found)
  }

  watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    const source: NewsSource<Uint8Array> = {
      check: () => this.#mustBeOpen(),
      listen: tell => this.#world.listen(new Set(ids), tell),
      read: meta => this.#decode(meta),
    }
    return this.#news.watch(source, signal)
  }

  async findIds(prefix: string, limit: number): Promise<readonly TaskId[]> {
    this.#mustBeOpen()
    return this.#world.findIds(prefix, limit)
  }

  async forget(ids: readonly TaskId[]): Promise<void> {
    this.#mustBeOpen()
    this.#world.forget(ids)
  }

  async saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    this.#mustBeOpen()
    this.#world.saveGroup(group.id, encodeGroup(group, this.#codec, this.#encoding), ttl)
  }

  async fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    this.#mustBeOpen()
    const found = this.#world.fetchGroup(id)
    return found === undefined ? undefined : decodeGroup(found, this.#codec, this.#encoding)
  }

  async forgetGroup(id: GroupId): Promise<void> {
    this.#mustBeOpen()
    this.#world.forgetGroup(id)
  }

  async setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    this.#mustBeOpen()
    this.#world.setChordSize(chord, size, ttl, memo)
  }

  async claimQuietChords(claim: QuietClaim): Promise<readonly QuietChord[]> {
    this.#mustBeOpen()
    return await Promise.all(this.#world.claimQuietChords(claim).map(found => this.#quiet(found)))
  }

  async addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    this.#mustBeOpen()
    return this.#world.addToChord(chord, tasks, ttl)
  }

  async arrive(part: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    this.#mustBeOpen()
    const arrival = this.#world.arrive(part, this.#encode(part.meta), ttl)
    if (arrival.kind !== 'complete') return arrival
    return { kind: 'complete', parts: await this.#inTree(part.chord, arrival.parts) }
  }

  async close(chord: GroupId): Promise<void> {
    this.#mustBeOpen()
    this.#world.close(chord)
  }

  async cleanup(): Promise<number> {
    this.#mustBeOpen()
    return this.#world.cleanup()
  }

  /** Ends its watches; what is stored stays in the world. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false
    this.#news.end()
  }

  async #quiet({ count, ...chord }: KeptQuietChord): Promise<QuietChord> {
    if (count.kind === 'waiting') return { ...chord, count }
    return { ...chord, count: await completeCount(() => this.#inTree(chord.chord, count.parts)) }
  }

  async #inTree(chord: GroupId, parts: readonly Uint8Array[]): Promise<readonly ResultMeta[]> {
    return await partsInTree(
      parts.map(meta => this.#decode(meta)),
      await this.fetchGroup(chord),
    )
  }

  #encode(meta: ResultMeta): Uint8Array {
    return encodeResult(meta, this.#codec, this.#encoding)
  }

  #decode(meta: Uint8Array): ResultMeta {
    return decodeResult(meta, this.#codec, this.#encoding)
  }

  #mustBeOpen(): void {
    if (this.#open) return
    throw new BackendError('LVG_BACKEND_CLOSED', `The result backend ${this.url} was closed.`, { transient: false })
  }
}
