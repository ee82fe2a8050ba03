import type { Ms } from '../lib/time.js'

/** What a beat store keeps under a key: text of the caller's, JSON. */
export interface BeatRecord {
  readonly key: string
  /** Undefined = removed. */
  readonly value: string | undefined
}

export interface BeatChanges {
  /** Where to go on from. */
  readonly cursor: number
  /** What was written after the cursor that was asked for, each key once, as it is now. */
  readonly records: readonly BeatRecord[]
}

export type Leadership =
  /** Ours, until `ttl` after the request was sent. `term` grows with every change of leader. */
  | { readonly kind: 'leading'; readonly term: number }
  /** Somebody else's, who has so much time left by the store's clock. */
  | { readonly kind: 'following'; readonly leader: string; readonly left: Ms }

export interface Leader {
  readonly holder: string
  readonly term: number
  /** Until its lease ends, by the store's clock. */
  readonly left: Ms
}

/**
 * What beats of one application share: who leads them, the entries that were stored, and when each entry was last due.
 * Every call is one atomic step of the store, judged by the store's clock (D90, D95). Rejects with `BeatStoreError`.
 */
export interface BeatStore extends AsyncDisposable {
  /** As shown to people. */
  readonly url: string
  /** Takes the lead when nobody has it, or renews it for who has it. `holder` names one life of one process. */
  lead(holder: string, ttl: Ms): Promise<Leadership>
  /** Gives the lead up; nothing happens when it is somebody else's by now. */
  resign(holder: string): Promise<void>
  /** Who leads; undefined = nobody. */
  leader(): Promise<Leader | undefined>
  /** 0 = everything. */
  changes(cursor: number): Promise<BeatChanges>
  /** All or nothing. With a term it is refused when that term is over: another leader may have begun (D90). */
  write(records: readonly BeatRecord[], term?: number): Promise<'written' | 'fenced'>
}
