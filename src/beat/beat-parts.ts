import type { ObservedEvent } from '../app/extension.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs } from '../lib/time.js'
import type { BeatStore } from './beat-store.js'
import type { DjangoDatabase } from './django/django-database.js'
import type { Entry } from './entry.js'
import type { KeptEntry } from './read-entry.js'

/** How runs ended that a beat asked about. */
export type RunEnd = 'open' | 'good' | 'failed'

/** What a beat acts through. */
export interface BeatParts {
  readonly runtime: Runtime
  readonly store: BeatStore
  /** Names this life of this process. */
  readonly holder: string
  /** Of the code: an entry that is stored under the same name goes before it. */
  readonly entries: ReadonlyMap<string, unknown>
  /** The tables of django-celery-beat: an entry that stands there goes before one of the code. */
  readonly django?: DjangoDatabase | undefined
  /** JSON as Celery writes it. Throws `ProtocolError`. */
  readJson(text: string): unknown
  /** Tells extensions. */
  observe(event: ObservedEvent): void
  /** Checks an entry. Throws `EntryError`. */
  read(name: string, input: unknown): KeptEntry
  /**
   * Publishes a run, confirmed; a second time under the same id inserts nothing where the broker can tell (D91). The answer is by
   * what `ends` and `cancel` know the run.
   */
  send(entry: Entry, id: string, instant: EpochMs): Promise<string>
  /** How these runs stand, the last of which was sent then. Undefined: nobody keeps results. */
  ends(entry: Entry, runs: readonly string[], sentAt: EpochMs | undefined): Promise<readonly RunEnd[] | undefined>
  /** Ends a run. */
  cancel(entry: Entry, run: string): Promise<void>
}
