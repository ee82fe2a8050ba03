import type { Ms } from '../lib/time.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { GroupMeta, ResultMeta } from '../protocol/result-meta.js'
import type { QuietChord, QuietClaim } from './quiet-chord.js'
import type { RevocationLog } from './revocation-log.js'

/*
 * The result backend port: states and values of tasks, groups, and the counting of chords.
 *
 * What every adapter promises (testing/conformance/backend.ts holds it to it):
 * - `store` resolves when the record is as durable as the backend gets.
 * - A stored SUCCESS is never overwritten (celery/backends/base.py); a final state never goes back to a non-final one
 *   (judge-store.ts has the whole table).
 * - An attempt older than one already recorded for the id is refused (D45), so a frozen worker that thaws cannot
 *   change what a later attempt wrote. Records of other languages carry no fence and are accepted as they are.
 * - `watch` pushes: nobody polls in a loop where the store can tell.
 * - Each chord part counts once, however often it arrives (D70); after `close` every arrival answers `closed` (D71).
 */
export interface ResultBackend extends AsyncDisposable {
  /** The URL it was made from, password masked. */
  readonly url: string
  readonly features: BackendFeatures
  /**
   * Errors of the store are `BackendError`; `transient` says whether waiting may help. `EncodeError`: the value cannot be
   * written, of which `ResultTooLargeError` (L12) is one kind. A success that this very attempt has stored already is
   * `stored` (D41).
   */
  store(meta: ResultMeta, options: StoreOptions): Promise<'stored' | 'refused'>
  /**
   * Asked before a task is sent whose result may be read here: makes ready whatever the result comes to. Rejects with
   * `signal.reason`. Absent where results are kept for whoever asks.
   */
  expect?(signal: AbortSignal): Promise<void>
  /** All is ready: `expect` would resolve at once. */
  readonly expecting?: boolean
  /** Rejects with `ResultDecodeError` when there is a record that cannot be read (M46). */
  fetch(id: TaskId): Promise<ResultMeta | undefined>
  /**
   * The present record of each id that has one, then every later change, until `signal` fires; then it just ends.
   * Changes of one id that follow closely may be told as one, the last. A record that cannot be read is told as the
   * FAILURE of its id (unreadable-record.ts), so that the others are waited for all the same. Ends with a `BackendError`
   * when the store is lost; when that is transient, watch again: every watch begins with the present records.
   */
  watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta>
  /** Ids of records that begin so, in no order, at most `limit`. May be slow: for people. Absent where nobody but the sender reads. */
  findIds?(prefix: string, limit: number): Promise<readonly TaskId[]>
  forget(ids: readonly TaskId[]): Promise<void>
  saveGroup(group: GroupMeta, ttl: Ms | undefined): Promise<void>
  fetchGroup(id: GroupId): Promise<GroupMeta | undefined>
  forgetGroup(id: GroupId): Promise<void>
  /**
   * How many parts the chord has. Arrivals before it are kept and counted. `memo`: all that somebody needs to end the chord when
   * whoever was to do it is gone; with it `claimQuietChords` finds the chord until it is closed.
   */
  setChordSize(chord: GroupId, size: number, ttl: Ms | undefined, memo?: string): Promise<void>
  /**
   * More parts, which one of the chord's tasks adds while it runs: each of these tasks counts for itself, whatever other part has its
   * index, and raises the size once, however often it is added.
   */
  addToChord(chord: GroupId, tasks: readonly TaskId[], ttl: Ms | undefined): Promise<Addition>
  arrive(part: ChordPart, ttl: Ms | undefined): Promise<Arrival>
  /** After the body (or the chord's error) has been published. */
  close(chord: GroupId): Promise<void>
  /** Those that have been quiet for long, the longest first; each is given to one asker at a time (D72). Absent where none are counted. */
  claimQuietChords?(claim: QuietClaim): Promise<readonly QuietChord[]>
  /** Absent where nothing is kept that could be read by somebody else. */
  readonly revocations?: RevocationLog
  /** Removes what has expired; resolves to the number removed. Backends with their own expiry return 0. */
  cleanup(): Promise<number>
}

export interface BackendFeatures {
  /** Results survive the end of this process. */
  readonly durable: boolean
  /** `arrive` counts; otherwise chords need `celery.chord_unlock`. */
  readonly chords: boolean
  /** Results can be read by another process than the one that wrote them. */
  readonly shared: boolean
}

export interface StoreOptions {
  /** Time the record lives; undefined = for ever. */
  readonly ttl: Ms | undefined
  /** Which attempt writes; undefined = not fenced (clients, tools, other languages). */
  readonly fence: Fence | undefined
  /** For results that travel as messages; others take no notice. Absent = nobody is told. */
  readonly reply?: ReplyAddress | undefined
}

/** Where the sender of a task wants its result: the message's `reply_to` and `correlation_id`. */
export interface ReplyAddress {
  readonly queue: string
  readonly correlationId: string | undefined
}

/** Orders the attempts of one task id: by their number, then by the broker's claim order (D45). */
export interface Fence {
  /** `attemptNumber`: `retries`, unless the task has replaced another one. */
  readonly retries: number
  readonly claim: number
}

export interface ChordPart {
  readonly chord: GroupId
  /** Position in the header; undefined when the sender gave none: then parts are ordered by arrival. */
  readonly index: number | undefined
  readonly taskId: TaskId
  /** Final state of the part and its value or exception. */
  readonly meta: ResultMeta
  /** Size, when the message itself carries it (legacy `chord_size`). Stores that Python shares do not count by it. */
  readonly size: number | undefined
}

export type Addition =
  | 'added'
  /** Nothing was: all parts have come already, or the chord is closed. */
  | 'over'
  /** Nothing was: no size has been told, in a store where only those chords are counted whose size is told first. */
  | 'unopened'

export type Arrival =
  | { readonly kind: 'waiting' }
  /** Every part is there, in order. Answered again to every arrival until `close`. */
  | { readonly kind: 'complete'; readonly parts: readonly ResultMeta[] }
  | { readonly kind: 'closed' }
