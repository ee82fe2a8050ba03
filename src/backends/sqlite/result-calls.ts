import type { Operations } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Addition, Fence } from '../backend.js'
import type { FoundGroup, FoundResultRow, NewResultRow } from '../celery-tables/result-row.js'
import type { KeptQuietChord, QuietClaim } from '../quiet-chord.js'
import type { RevocationKeep, RevocationPage } from '../revocation-log.js'

/* What passes between the backend and the thread that holds its connection: plain data. */

export interface Store {
  readonly row: NewResultRow
  readonly fence: Fence | undefined
  readonly ttl: Ms | undefined
}

export interface Part {
  readonly chord: GroupId
  readonly index: number | undefined
  readonly taskId: TaskId
  readonly meta: Uint8Array
  readonly ttl: Ms | undefined
}

export type PartArrival =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'complete'; readonly parts: readonly Uint8Array[] }
  | { readonly kind: 'closed' }

export interface ChordSize {
  readonly chord: GroupId
  readonly size: number
  readonly ttl: Ms | undefined
  readonly memo: string | undefined
}

export interface ChordAddition {
  readonly chord: GroupId
  readonly tasks: readonly TaskId[]
  readonly ttl: Ms | undefined
}

/** Records as of change `at`. */
export interface Present {
  readonly at: number
  readonly rows: readonly FoundResultRow[]
}

/** What the thread tells by itself: records that changed, each as of its change `seq`. */
export type ResultEvent = readonly Changed[]

export interface Changed {
  readonly seq: number
  readonly row: FoundResultRow
}

/** A type, not an interface: hosts want operations by index. */
export type ResultOperations = Operations & {
  readonly reads: {
    fetch(id: TaskId): FoundResultRow | undefined
    /** Their records, and from then on their changes as events. */
    watch(ids: readonly TaskId[]): Present
    unwatch(ids: readonly TaskId[]): void
    findIds(call: { readonly prefix: string; readonly limit: number }): readonly TaskId[]
    fetchGroup(id: GroupId): FoundGroup | undefined
    revocationsAfter(call: { readonly cursor: string; readonly limit: number }): RevocationPage
  }
  readonly writes: {
    store(call: Store): 'stored' | 'refused'
    forget(ids: readonly TaskId[]): void
    saveGroup(call: { readonly id: GroupId; readonly meta: Uint8Array; readonly ttl: Ms | undefined }): void
    forgetGroup(id: GroupId): void
    setChordSize(call: ChordSize): void
    claimQuietChords(claim: QuietClaim): readonly KeptQuietChord[]
    addToChord(call: ChordAddition): Addition
    arrive(part: Part): PartArrival
    close(chord: GroupId): void
    addRevocations(call: { readonly entries: readonly string[]; readonly keep: RevocationKeep }): void
    cleanup(call: null): number
  }
}
