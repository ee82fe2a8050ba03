import type { DjangoEntry } from '../schedules/django-entries.js'
import type { BeatParts } from './beat-parts.js'
import type { DjangoRun } from './django/django-database.js'
import { djangoEntry, djangoState, owedRun } from './django/django-entry.js'
import type { DjangoChanges } from './django/django-schedule.js'
import { type EntryState, newState } from './entry.js'
import { inputOf, SOURCES, type Source } from './entry-sources.js'
import { EntryError } from './errors.js'
import type { Row } from './row.js'
import { wordsOf } from './words-of.js'

/** All entries, by name, as they are written in each place where they may stand, and as the one that is heeded was read. */
export class EntryRows {
  readonly #parts: Pick<BeatParts, 'runtime' | 'entries' | 'read'>
  readonly #owed: (run: DjangoRun) => void
  readonly #rows = new Map<string, Row>()
  /** Entries of the store, as they were read. */
  readonly #stored = new Map<string, string>()
  /** Rows of Django's tables. */
  readonly #tabled = new Map<string, DjangoEntry>()

  /** `owed` hears of a run of which Django's tables are still to be told. */
  constructor(parts: Pick<BeatParts, 'runtime' | 'entries' | 'read'>, owed: (run: DjangoRun) => void) {
    this.#parts = parts
    this.#owed = owed
  }

  get size(): number {
    return this.#rows.size
  }

  /** Of the entries that are heeded. */
  get names(): Iterable<string> {
    return this.#rows.keys()
  }

  /** Also of those that were not entered, or are bad. */
  get written(): ReadonlySet<string> {
    return new Set([...this.#parts.entries.keys(), ...this.#tabled.keys(), ...this.#stored.keys()])
  }

  get(name: string): Row | undefined {
    return this.#rows.get(name)
  }

  /** What stands in the store; undefined = it is gone. Takes effect by `enter`. */
  store(name: string, text: string | undefined): void {
    if (text === undefined) this.#stored.delete(name)
    else this.#stored.set(name, text)
  }

  /** What has changed in Django's tables. Takes effect by `enter`. */
  tabulate(changes: DjangoChanges): void {
    for (const [name, row] of changes) {
      if (row === undefined || row instanceof EntryError) this.#tabled.delete(name)
      else this.#tabled.set(name, row)
      if (row instanceof EntryError) this.#refuse(name, row)
    }
  }

  /** Of Django's tables: it is to run once. */
  isOneOff(name: string): boolean {
    return this.#tabled.get(name)?.oneOff ?? false
  }

  /** Takes the entry of this name that is heeded. A bad one is said and left out, and the next below counts (D93). */
  enter(name: string, state: EntryState | undefined): Row | undefined {
    for (const source of SOURCES) {
      try {
        const found = this.#read(name, source, state)
        if (found !== undefined) return this.#keep(name, { ...found, source })
      } catch (error) {
        this.#refuse(name, error)
      }
    }
    this.#rows.delete(name)
    return undefined
  }

  /** Undefined: there is none. Throws `EntryError`. */
  #read(
    name: string,
    source: Source,
    known: EntryState | undefined,
  ): Pick<Row, 'entry' | 'schedule' | 'state'> | undefined {
    const { runtime, entries } = this.#parts
    const now = runtime.clock.now()
    const given = inputOf({ stored: this.#stored, tabled: this.#tabled, entries }, name, source, known)
    if (given === undefined) return undefined
    const { entry, schedule } = this.#parts.read(name, given.input)
    const row = source === 'django' ? this.#tabled.get(name) : undefined
    if (row === undefined) return { entry, schedule, state: known ?? newState(Math.min(now, entry.createdAt ?? now)) }
    const state = djangoState(row, known, now)
    const owed = owedRun(row, state)
    if (owed !== undefined) this.#owed(owed)
    return { entry: djangoEntry(entry), schedule, state }
  }

  #keep(name: string, found: Pick<Row, 'entry' | 'schedule' | 'state' | 'source'>): Row {
    const known = this.#rows.get(name)
    if (known !== undefined) return Object.assign(known, { ...found, over: undefined })
    const row: Row = { ...found, paused: false, busy: false, over: undefined }
    this.#rows.set(name, row)
    return row
  }

  #refuse(name: string, error: unknown): void {
    this.#parts.runtime.log.error(`${wordsOf(error)} It is left out; the others go on.`, { entry: name })
  }
}
