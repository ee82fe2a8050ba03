import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { State } from '../../protocol/result-meta.js'
import type { Addition, ChordPart, Fence, StoreOptions } from '../backend.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { judgeStore, nextFence } from '../judge-store.js'
import { holdFor, type KeptQuietChord, type QuietClaim } from '../quiet-chord.js'
import { ChordCount, type CountedArrival } from './chord-count.js'
import { ExpiringMap } from './expiring-map.js'
import { MemoryRevocationLog } from './memory-revocation-log.js'

interface StoredRecord {
  readonly status: State
  readonly fence: Fence | undefined
  readonly meta: Uint8Array
}

interface KeptChord {
  readonly count: ChordCount
  ttl: Ms | undefined
  /** Undefined: it was opened without, or is closed. */
  memo: string | undefined
  movedAt: SteadyMs
  /** It is told when it has been quiet since then. */
  lookAt: SteadyMs
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
  /** Open ones with a memo, the quietest first. */
  readonly #watched = new Set<GroupId>()
  readonly #listeners = new Map<TaskId, Set<Listener>>()
  readonly revocations: MemoryRevocationLog

  constructor(runtime: Pick<Runtime, 'clock'>) {
    this.#clock = runtime.clock
    this.revocations = new MemoryRevocationLog(runtime.clock)
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

  findIds(prefix: string, limit: number): readonly TaskId[] {
    return [...this.#records.keys(this.#clock.steady())].filter(id => id.startsWith(prefix)).slice(0, limit)
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

  setChordSize(id: GroupId, size: number, ttl: Ms | undefined, memo: string | undefined): void {
    const chord = this.#chord(id, ttl)
    chord.count.setSize(size)
    if (chord.count.isClosed || memo === undefined) return
    chord.memo = memo
    this.#moved(id, chord)
  }

  addToChord(id: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Addition {
    const chord = this.#chord(id, ttl)
    if (!chord.count.hasSize && !chord.count.isClosed) return 'unopened'
    if (!chord.count.add(tasks)) return 'over'
    if (chord.memo !== undefined) this.#moved(id, chord)
    return 'added'
  }

  claimQuietChords(claim: QuietClaim): readonly KeptQuietChord[] {
    const now = this.#sweep()
    const found: KeptQuietChord[] = []
    for (const id of [...this.#watched]) {
      const chord = this.#chords.get(id, now)
      if (chord?.memo === undefined) this.#watched.delete(id)
      if (chord?.memo === undefined || chord.lookAt > now - claim.quiet || found.length === claim.limit) continue
      const { count, memo } = chord
      const quiet = now - chord.movedAt
      const parts = count.complete
      chord.lookAt = now - claim.quiet + holdFor(parts !== undefined, quiet, claim)
      // They were given as ids of tasks.
      const waiting = { kind: 'waiting', size: count.size, arrived: count.arrived as readonly TaskId[] } as const
      found.push({ chord: id, memo, quiet, count: parts === undefined ? waiting : { kind: 'complete', parts } })
    }
    return found
  }

  arrive(part: ChordPart, meta: Uint8Array, ttl: Ms | undefined): CountedArrival {
    const chord = this.#chord(part.chord, ttl)
    const { count } = chord
    if (part.size !== undefined && !count.hasSize) count.setSize(part.size)
    if (chord.memo !== undefined) this.#moved(part.chord, chord)
    return count.arrive(part.index, part.taskId, meta)
  }

  close(id: GroupId): void {
    const known = this.#chords.get(id, this.#clock.steady())
    const chord = this.#chord(id, Math.min(known?.ttl ?? CLOSED_CHORD_TTL, CLOSED_CHORD_TTL))
    chord.count.close()
    chord.memo = undefined
    this.#watched.delete(id)
  }

  cleanup(): number {
    const now = this.#clock.steady()
    return this.#records.sweep(now) + this.#groups.sweep(now) + this.#chords.sweep(now)
  }

  /** The chord, kept for `ttl` from now on; a new one when there is none. */
  #chord(id: GroupId, ttl: Ms | undefined): KeptChord {
    const now = this.#sweep()
    const chord = this.#chords.get(id, now) ?? {
      count: new ChordCount(),
      ttl,
      memo: undefined,
      movedAt: now,
      lookAt: now,
    }
    chord.ttl = ttl
    this.#chords.set(id, chord, ttl, now)
    return chord
  }

  #moved(id: GroupId, chord: KeptChord): void {
    chord.movedAt = this.#clock.steady()
    chord.lookAt = chord.movedAt
    this.#watched.delete(id)
    this.#watched.add(id)
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
