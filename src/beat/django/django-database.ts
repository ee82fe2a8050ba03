import type { EpochMs } from '../../lib/time.js'
import type { DjangoTables } from '../../schedules/django-rows.js'

/** What is written back of an entry that has run, as Django's own scheduler does it. */
export interface DjangoRun {
  readonly name: string
  /** The due time, which becomes `last_run_at`. */
  readonly at: EpochMs
  /** How many runs. */
  readonly count: number
  /** It was to run once, and is switched off. */
  readonly off: boolean
}

/**
 * The tables of django-celery-beat (2.1 and later) in the database of a Django project. Read, and of what is there only
 * `last_run_at`, `total_run_count` and `enabled` are written, so that its own scheduler can take over again at any time. Rejects with
 * `BeatStoreError`.
 */
export interface DjangoDatabase extends AsyncDisposable {
  /** As shown to people. */
  readonly url: string
  /** Another text after every change that somebody has made; undefined = there was none yet. */
  lastUpdate(): Promise<string | undefined>
  tables(): Promise<DjangoTables>
  /** Of a run that was recorded before nothing happens. */
  record(runs: readonly DjangoRun[]): Promise<void>
}
