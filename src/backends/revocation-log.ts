import type { Ms } from '../lib/time.js'

/*
 * Revocations that outlive the workers that hear of them: a log that clients and workers append to and workers follow, kept in
 * the store of results. Entries are texts; what they say is not the store's business (app/revocation-entry.ts).
 *
 * What every adapter promises (testing/conformance/backend-revocations.ts holds it to it):
 * - `append` resolves when the entries are kept as durably as results are.
 * - Whoever reads `after` the cursor he was last given, from the empty one on, sees every entry at least once before its time is
 *   over. One that is appended again keeps its place and lives longer, and need not be seen again.
 * - There are never more than `max` entries for long: the oldest leave first (L14).
 */
export interface RevocationLog {
  append(entries: readonly string[], keep: RevocationKeep): Promise<void>
  /** At most `limit` entries, oldest first. The cursor is the adapter's own text; `''` is before everything. */
  after(cursor: string, limit: number): Promise<RevocationPage>
}

export interface RevocationKeep {
  readonly ttl: Ms
  readonly max: number
}

export interface RevocationPage {
  readonly entries: readonly LoggedRevocation[]
  readonly cursor: string
}

export interface LoggedRevocation {
  readonly entry: string
  /** Time it is still kept. */
  readonly left: Ms
}
