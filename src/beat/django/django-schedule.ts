import { backoff } from '../../lib/backoff.js'
import type { Runtime } from '../../lib/runtime.js'
import type { SteadyMs } from '../../lib/time.js'
import { type DjangoEntry, djangoEntries } from '../../schedules/django-entries.js'
import type { DjangoTables } from '../../schedules/django-rows.js'
import { EntryError } from '../errors.js'
import type { DjangoDatabase, DjangoRun } from './django-database.js'

/** What changed in the tables, by name; undefined = its row is gone. */
export type DjangoChanges = ReadonlyMap<string, DjangoEntry | EntryError | undefined>

/** A database that fails is asked again after such pauses. */
const AGAIN = { first: 500, cap: 30_000 } as const

const NOTHING: DjangoChanges = new Map()

/**
 * The tables of django-celery-beat as they were last seen, and what they are to be told. A database that is away holds nothing up: what
 * is known goes on, what ran is told later.
 */
export class DjangoSchedule {
  readonly #runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly #database: DjangoDatabase
  readonly #readJson: (text: string) => unknown
  /** Name → its row and schedule as text, to see what has changed. */
  #seen = new Map<string, string>()
  #update: string | undefined
  #wasRead = false
  readonly #owed = new Map<string, DjangoRun>()
  #telling: Promise<void> = Promise.resolve()
  #attempt = 0
  #notBefore: SteadyMs = Number.NEGATIVE_INFINITY

  constructor(
    runtime: Pick<Runtime, 'clock' | 'log' | 'random'>,
    database: DjangoDatabase,
    readJson: (text: string) => unknown,
  ) {
    this.#runtime = runtime
    this.#database = database
    this.#readJson = readJson
  }

  /** Tells what is owed and reads what was changed, both cheap where there is nothing. Never rejects. */
  async look(): Promise<DjangoChanges> {
    const { clock, log, random } = this.#runtime
    if (clock.steady() < this.#notBefore) return NOTHING
    try {
      await this.#tell()
      const changes = await this.read()
      this.#attempt = 0
      return changes
    } catch (error) {
      const pause = backoff(this.#attempt++, AGAIN, random)
      this.#notBefore = clock.steady() + pause
      const words = error instanceof Error ? error.message : String(error)
      log.warning(`Beat: ${words} It goes on with what it knows, and asks again in ${(pause / 1000).toFixed(1)} s.`)
      return NOTHING
    }
  }

  /** Rejects with `BeatStoreError`, and `ConfigError` for a file that is not there. */
  async read(): Promise<DjangoChanges> {
    const update = await this.#database.lastUpdate()
    if (this.#wasRead && update === this.#update) return NOTHING
    const changes = this.#compare(await this.#database.tables())
    // A change that came in between is seen by the next look.
    this.#update = update
    this.#wasRead = true
    return changes
  }

  /** To be told with the next look. */
  ran({ name, at, count, off }: DjangoRun): void {
    const before = this.#owed.get(name)
    this.#owed.set(name, { name, at, count: count + (before?.count ?? 0), off })
  }

  /** Tells what is owed, once. Never rejects. */
  async end(): Promise<void> {
    await this.#tell().catch(error => {
      const words = error instanceof Error ? error.message : String(error)
      this.#runtime.log.warning(`Beat: ${words} It does not know of the last runs.`)
    })
  }

  /** One after the other: what is on its way already must not be counted twice. */
  #tell(): Promise<void> {
    const told = this.#telling.catch(() => undefined).then(() => this.#tellNow())
    this.#telling = told
    return told
  }

  async #tellNow(): Promise<void> {
    const runs = [...this.#owed.values()]
    if (runs.length === 0) return
    await this.#database.record(runs)
    for (const run of runs) {
      const { name, at, count } = run
      const now = this.#owed.get(name)
      if (now === run) this.#owed.delete(name)
      // It ran again meanwhile.
      else if (now !== undefined && now.at > at) this.#owed.set(name, { ...now, count: now.count - count })
    }
  }

  #compare(tables: DjangoTables): DjangoChanges {
    const changes = new Map<string, DjangoEntry | EntryError | undefined>()
    const seen = new Map<string, string>()
    for (const reading of djangoEntries(tables, this.#readJson)) {
      const name = reading.kind === 'entry' ? reading.entry.name : reading.name
      const value =
        reading.kind === 'entry'
          ? reading.entry
          : new EntryError(
              name,
              `in the tables of django-celery-beat: ${reading.reason.path}`,
              reading.reason.message,
              {
                cause: reading.reason,
              },
            )
      const text = value instanceof Error ? value.message : JSON.stringify(value)
      seen.set(name, text)
      if (this.#seen.get(name) !== text) changes.set(name, value)
    }
    for (const name of this.#seen.keys()) if (!seen.has(name)) changes.set(name, undefined)
    this.#seen = seen
    return changes
  }
}
