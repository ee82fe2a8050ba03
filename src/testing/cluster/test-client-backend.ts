import type {
  Addition,
  Arrival,
  BackendFeatures,
  ChordPart,
  ResultBackend,
  StoreOptions,
} from '../../backends/backend.js'
import type { QuietChord, QuietClaim } from '../../backends/quiet-chord.js'
import type { RevocationLog } from '../../backends/revocation-log.js'
import { LovageError } from '../../lib/errors.js'
import type { Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import type { RealWork } from './real-work.js'

/** How long a test may wait for a result in real time while nobody moves virtual time. */
const STANDSTILL: Ms = 2000

/**
 * The result backend as a test sees it. Waiting for a result while virtual time stands still would never end: it fails
 * with a sentence that says so.
 */
export class TestClientBackend implements ResultBackend {
  readonly url: string
  readonly features: BackendFeatures
  readonly revocations?: RevocationLog
  readonly findIds?: (prefix: string, limit: number) => Promise<readonly TaskId[]>
  readonly claimQuietChords?: (claim: QuietClaim) => Promise<readonly QuietChord[]>
  readonly #backend: ResultBackend
  readonly #realWork: RealWork
  readonly #drives: () => number

  /** `drives` changes whenever somebody begins or ends moving time. */
  constructor(backend: ResultBackend, realWork: RealWork, drives: () => number) {
    this.url = backend.url
    this.features = backend.features
    this.#backend = backend
    if (backend.revocations !== undefined) this.revocations = backend.revocations
    const find = backend.findIds?.bind(backend)
    if (find !== undefined) this.findIds = find
    const claim = backend.claimQuietChords?.bind(backend)
    if (claim !== undefined) this.claimQuietChords = claim
    this.#realWork = realWork
    this.#drives = drives
  }

  async *watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    const standstill = new AbortController()
    const stop = AbortSignal.any([signal, standstill.signal])
    let drives = this.#drives()
    const look = (): Disposable =>
      this.#realWork.alarm(STANDSTILL, () => {
        if (this.#drives() === drives) return standstill.abort()
        drives = this.#drives()
        timer = look()
      })
    let timer = look()
    try {
      yield* this.#backend.watch(ids, stop)
    } finally {
      timer[Symbol.dispose]()
    }
    if (standstill.signal.aborted && !signal.aborted) throw standsStill()
  }

  store(meta: ResultMeta, options: StoreOptions): Promise<'stored' | 'refused'> {
    return this.#backend.store(meta, options)
  }

  fetch(id: TaskId): Promise<ResultMeta | undefined> {
    return this.#backend.fetch(id)
  }

  forget(ids: readonly TaskId[]): Promise<void> {
    return this.#backend.forget(ids)
  }

  saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    return this.#backend.saveGroup(group, ttl)
  }

  fetchGroup(id: GroupId): Promise<GroupMeta | undefined> {
    return this.#backend.fetchGroup(id)
  }

  forgetGroup(id: GroupId): Promise<void> {
    return this.#backend.forgetGroup(id)
  }

  setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void> {
    return this.#backend.setChordSize(chord, size, ttl, memo)
  }

  addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition> {
    return this.#backend.addToChord(chord, tasks, ttl)
  }

  arrive(part: ChordPart, ttl: Ms | undefined): Promise<Arrival> {
    return this.#backend.arrive(part, ttl)
  }

  close(chord: GroupId): Promise<void> {
    return this.#backend.close(chord)
  }

  cleanup(): Promise<number> {
    return this.#backend.cleanup()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend[Symbol.asyncDispose]()
  }
}

function standsStill(): LovageError {
  return new LovageError(
    'LVG_CLUSTER_STILL',
    'A test waits for a result, and nothing moves time in its cluster, so it would wait for ever. Write `await cluster.until(result.get())`, or call `cluster.drain()` or `cluster.advance(…)` first.',
  )
}
