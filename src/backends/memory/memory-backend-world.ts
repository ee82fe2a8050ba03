import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { State } from '../../protocol/result-meta.js'
import type { ChordPart, Fence, StoreOptions } from '../backend.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { judgeStore, nextFence } from '../judge-store.js'
import { ChordCount, type CountedArrival } from './chord-count.js'
import { ExpiringMap } from './expiring-map.js'

interface StoredRecord {
  readonly status: State
  readonly fence: Fence | undefined
  readonly meta: Uint8Array
}

interface KeptChord {
  readonly count: ChordCount
  ttl: Ms | undefined
}

type Listener = (meta: Uint8Array) => void

/**
 * What a result backend keeps, in memory and encoded. One world is one place: the backends of many simulated processes
 * stand on the same one (`createMemoryBackend({runtime, world})`); it keeps time by the runtime it was made with.
 *
 * Memory is bounded by what was asked to be kept: every write drops what has expired meanwhile.
 */
export class MemoryBackendWorld {
  readonly #clock: Runtime['clock']
  readonly #records = new ExpiringMap<TaskId, StoredRecord>()
  readonly #groups = new ExpiringMap<GroupId, Uint8Array>()
  readonly #chords = new ExpiringMap<GroupId, KeptChord>()
  readonly #listeners = new Map<TaskId, Set<Listener>>()

  constructor(runtime: Pick<Runtime, 'clock'>) {
    this.#clock = runtime.clock
  }

  /** Records, groups and chords it holds. */
  get size(): number {
    return this.#records.size + this.#groups.size + this.#chords.size
  }

  store(id: TaskId, status: State, meta: Uint8Array, options: StoreOptions): 'stored' | 'refused' {
    const now = this.#sweep()
    const stored = this.#records.get(id, now)
    const judgement = judgeStore(stored, { status, fence: options.fence })
    if (judgement !== 'write') return judgement === 'present' ? 'stored' : 'refused'
    this.#records.set(id, { status, fence: nextFence(stored?.fence, options.fence), meta }, options.ttl, now)
    for (const tell of this.#listeners.get(id) ?? []) tell(meta)
    return 'stored'
  }

  fetch(id: TaskId): Uint8Array | undefined {
    return this.#records.get(id, this.#clock.steady())?.meta
  }

  /** Tells the present record of each id that has one, then, until disposed, every later one. */
  listen(ids: ReadonlySet<TaskId>, tell: Listener): Disposable {
    for (const id of ids) {
      const listeners = this.#listeners.get(id)
      if (listeners === undefined) this.#listeners.set(id, new Set([tell]))
      else listeners.add(tell)
      const present = this.fetch(id)
      if (present !== undefined) tell(present)
    }
    return { [Symbol.dispose]: () => this.#unlisten(ids, tell) }
  }

  forget(ids: readonly TaskId[]): void {
    for (const id of ids) this.#records.delete(id)
  }

  saveGroup(id: GroupId, group: Uint8Array, ttl: Ms | undefined): void {
    this.#groups.set(id, group, ttl, this.#sweep())
  }

  fetchGroup(id: GroupId): Uint8Array | undefined {
    return this.#groups.get(id, this.#clock.steady())
  }

  forgetGroup(id: GroupId): void {
    this.#groups.delete(id)
  }

  setChordSize(id: GroupId, size: number, ttl: Ms | undefined): void {
    this.#chord(id, ttl).count.setSize(size)
  }

  arrive(part: ChordPart, meta: Uint8Array, ttl: Ms | undefined): CountedArrival {
    const { count } = this.#chord(part.chord, ttl)
    if (part.size !== undefined && !count.hasSize) count.setSize(part.size)
    return count.arrive(part.index, part.taskId, meta)
  }

  close(id: GroupId): void {
    const known = this.#chords.get(id, this.#clock.steady())
    this.#chord(id, known?.ttl ?? CLOSED_CHORD_TTL).count.close()
  }

  cleanup(): number {
    const now = this.#clock.steady()
    return this.#records.sweep(now) + this.#groups.sweep(now) + this.#chords.sweep(now)
  }

  /** The chord, kept for `ttl` from now on; a new one when there is none. */
  #chord(id: GroupId, ttl: Ms | undefined): KeptChord {
    const now = this.#sweep()
    const chord = this.#chords.get(id, now) ?? { count: new ChordCount(), ttl }
    chord.ttl = ttl
    this.#chords.set(id, chord, ttl, now)
    return chord
  }

  #sweep(): SteadyMs {
    this.cleanup()
    return this.#clock.steady()
  }

  #unlisten(ids: ReadonlySet<TaskId>, tell: Listener): void {
    for (const id of ids) {
      const listeners = this.#listeners.get(id)
      listeners?.delete(tell)
      if (listeners?.size === 0) this.#listeners.delete(id)
    }
  }
}
