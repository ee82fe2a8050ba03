import type { ChordPart, Fence, ResultBackend, StoreOptions } from '../../backends/backend.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'

export interface StoredRecord {
  readonly meta: ResultMeta
  readonly fence: Fence | undefined
  readonly answer: 'stored' | 'refused'
  /** When it left its process; undefined: it came from none. */
  readonly sentAt: SteadyMs | undefined
  readonly at: SteadyMs
}

export interface ChordStory {
  readonly parts: Set<string>
  completeAt: SteadyMs | undefined
  closed: number
}

/** What a result backend was told, in true time. */
export class BackendLog {
  readonly chords: Map<string, ChordStory> = new Map()
  /** What no backend may do (I07). */
  readonly wrongs: { readonly id: string; readonly what: string }[] = []
  readonly #sent = new WeakMap<ResultMeta, SteadyMs>()
  readonly #records = new Map<string, StoredRecord[]>()
  readonly #now: () => SteadyMs

  constructor(now: () => SteadyMs) {
    this.#now = now
  }

  of(id: string): readonly StoredRecord[] {
    return this.#records.get(id) ?? []
  }

  /** The record that was visible at an instant, counting what was stored then. */
  visible(id: string): ResultMeta | undefined {
    return this.of(id).findLast(record => record.answer === 'stored')?.meta
  }

  sent(meta: ResultMeta): void {
    this.#sent.set(meta, this.#now())
  }

  stored(meta: ResultMeta, fence: Fence | undefined, answer: 'stored' | 'refused'): void {
    const before = answer === 'stored' ? this.visible(meta.taskId) : undefined
    if (before?.status === 'SUCCESS' && meta.status !== 'SUCCESS') {
      this.wrongs.push({ id: meta.taskId, what: `${meta.taskId} was ${before.status} and became ${meta.status}` })
    }
    const record: StoredRecord = { meta, fence, answer, sentAt: this.#sent.get(meta), at: this.#now() }
    const known = this.#records.get(meta.taskId)
    if (known === undefined) this.#records.set(meta.taskId, [record])
    else known.push(record)
  }

  arrived(part: ChordPart, complete: boolean): void {
    const chord = this.#chord(part.chord)
    chord.parts.add(part.taskId)
    if (complete) chord.completeAt ??= this.#now()
  }

  closed(chord: GroupId): void {
    this.#chord(chord).closed++
  }

  #chord(id: GroupId) {
    const known = this.chords.get(id)
    if (known !== undefined) return known
    const chord = { parts: new Set<string>(), completeAt: undefined, closed: 0 }
    this.chords.set(id, chord)
    return chord
  }
}

/** The backend at its place, its writes logged. */
export function witnessedBackend(backend: ResultBackend, log: BackendLog): ResultBackend {
  const find = backend.findIds?.bind(backend)
  const claim = backend.claimQuietChords?.bind(backend)
  return {
    url: backend.url,
    features: backend.features,
    ...(backend.revocations === undefined ? {} : { revocations: backend.revocations }),
    ...(find === undefined ? {} : { findIds: find }),
    ...(claim === undefined ? {} : { claimQuietChords: claim }),
    store: async (meta: ResultMeta, options: StoreOptions) => {
      const answer = await backend.store(meta, options)
      log.stored(meta, options.fence, answer)
      return answer
    },
    fetch: (id: TaskId) => backend.fetch(id),
    watch: (ids, signal) => backend.watch(ids, signal),
    forget: ids => backend.forget(ids),
    saveGroup: (group, ttl) => backend.saveGroup(group, ttl),
    fetchGroup: id => backend.fetchGroup(id),
    forgetGroup: id => backend.forgetGroup(id),
    setChordSize: (chord, size, ttl, memo) => backend.setChordSize(chord, size, ttl, memo),
    addToChord: (chord, tasks, ttl) => backend.addToChord(chord, tasks, ttl),
    arrive: async (part: ChordPart, ttl: Ms | undefined) => {
      const arrival = await backend.arrive(part, ttl)
      log.arrived(part, arrival.kind === 'complete')
      return arrival
    },
    close: async chord => {
      await backend.close(chord)
      log.closed(chord)
    },
    cleanup: () => backend.cleanup(),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}
