import type { ResultBackend } from '../../backends/backend.js'
import type { Ms } from '../../lib/time.js'

/** What an adapter may lack, by the name under which its cases are skipped. */
export type BackendCapability =
  /** `arrive` counts (`features.chords`). */
  | 'chords'
  /** `claimQuietChords`. */
  | 'quiet-chords'
  /** A chord's size may come with its parts instead of `setChordSize`. */
  | 'size-with-part'
  /** A part of a chord comes back with everything that its record held. */
  | 'whole-parts'
  /** Saved groups. */
  | 'groups'
  /** A store that comes too late is refused to the writer (D44). */
  | 'refusals'
  /** Older attempts are refused (D45). */
  | 'fences'
  /** Records can be read by any process, any number of times. */
  | 'shared'
  /** `revocations`. */
  | 'revocations'
  /** `ttl` is honoured, and the harness can let it pass. */
  | 'expiry'

export interface BackendTimes {
  /** How much time a case lets pass between two looks. */
  readonly step: Ms
  /** What does not happen within this does not happen. */
  readonly quiet: Ms
  /** Time to live that a case can afford to wait for. */
  readonly ttl: Ms
  /** The longest that a case waits for something. */
  readonly patience: Ms
}

/** One empty store, fresh for one case. Disposing closes what stands on it. */
export interface BackendPlace extends AsyncDisposable {
  readonly times: BackendTimes
  /** A backend on this store, as if in a process of its own. */
  open(): Promise<ResultBackend>
  /** Lets that much time pass, and everything happen that happens meanwhile. */
  pass(ms: Ms): Promise<void>
}

export interface BackendHarness {
  create(): Promise<BackendPlace>
  /** Capability → why this adapter does without it. Its cases are skipped with that reason. */
  readonly lacks?: Readonly<Partial<Record<BackendCapability, string>>>
}
