import { ConfigError } from '../lib/errors.js'
import type { EpochMs } from '../lib/time.js'
import type { DjangoEntry } from '../schedules/django-entries.js'
import type { Schedule } from '../schedules/schedule.js'
import type { BeatParts } from './beat-parts.js'
import type { BeatRecord, Leader } from './beat-store.js'
import { decide, jitterOf } from './decide.js'
import { djangoEntry, djangoState } from './django/django-entry.js'
import { DjangoSchedule } from './django/django-schedule.js'
import { type Entry, type EntryState, newState } from './entry.js'
import { type EntrySources, inputOf, SOURCES, type Source } from './entry-sources.js'
import { EntryError } from './errors.js'
import { printEntry } from './print-entry.js'
import { type EntryInput, meant } from './read-entry.js'
import { parseKey, readObject, readState, recordKey, stateRecord } from './records.js'

/** An entry as people see it. */
export interface BookedEntry {
  readonly entry: Entry
  /** `django`: in the tables of django-celery-beat. `both`: a stored entry stands in the place of one of the code or of those tables. */
  readonly source: 'code' | 'store' | 'django' | 'both'
  /** Undefined: no beat has seen it yet. */
  readonly state: EntryState | undefined
  readonly paused: boolean
  /** Due times after this one count. */
  readonly since: EpochMs
  /** When its next run is sent; undefined = never, `why` says why. */
  readonly next: EpochMs | undefined
  readonly why: string | undefined
}

/** An entry that no beat can keep. */
export interface BrokenEntry {
  readonly name: string
  readonly error: Error
}

/** All that was read at a time. */
interface Pages {
  readonly sources: EntrySources
  /** Rows of Django's tables that say nothing. */
  readonly refused: readonly BrokenEntry[]
  readonly states: ReadonlyMap<string, EntryState>
  readonly paused: ReadonlySet<string>
}

interface Looked {
  readonly booked: BookedEntry
  readonly schedule: Schedule
}

type BookParts = Pick<BeatParts, 'runtime' | 'store' | 'entries' | 'django' | 'readJson' | 'read' | 'send'>

const IN_TABLES = 'it stands in the tables of django-celery-beat; change it there, or pause it'

/** What beats keep, for looking at it and changing it; a change is effective within a second. */
export class ScheduleBook implements AsyncDisposable {
  readonly #parts: BookParts

  constructor(parts: BookParts) {
    this.#parts = parts
  }

  /** By name. Entries that cannot be kept are in `broken`. */
  async list(): Promise<{ readonly entries: readonly BookedEntry[]; readonly broken: readonly BrokenEntry[] }> {
    const pages = await this.#read()
    const entries: BookedEntry[] = []
    const broken: BrokenEntry[] = [...pages.refused]
    for (const name of namesIn(pages).sort()) {
      try {
        entries.push(this.#look(pages, name).booked)
      } catch (error) {
        broken.push({ name, error: error instanceof Error ? error : new Error(String(error)) })
      }
    }
    return { entries, broken }
  }

  /** Throws `LVG_NO_ENTRY`, and `EntryError` for one that cannot be kept. */
  async show(name: string): Promise<BookedEntry> {
    return this.#find(await this.#read(), name).booked
  }

  /** Who leads; undefined = no beat runs. */
  leader(): Promise<Leader | undefined> {
    return this.#parts.store.leader()
  }

  /** Stores an entry. Throws `EntryError`, `LVG_ENTRY_EXISTS`. */
  async add(name: string, input: EntryInput): Promise<Entry> {
    const pages = await this.#read()
    if (namesIn(pages).includes(name) || pages.refused.some(each => each.name === name)) {
      throw new ConfigError(
        'LVG_ENTRY_EXISTS',
        `There is a schedule entry ${JSON.stringify(name)} already. Edit it, or choose another name.`,
      )
    }
    return await this.#store(name, input)
  }

  /** Changes what is given of an entry; `null` takes a member away. One of the code gets a stored one in its place. Throws as `show` and `add`. */
  async edit(name: string, changes: { readonly [K in keyof EntryInput]?: EntryInput[K] | null }): Promise<Entry> {
    const { entry, source } = await this.show(name)
    if (source === 'django') throw new EntryError(name, 'edit', IN_TABLES)
    const now = readObject(printEntry(entry)) ?? {}
    const given = Object.fromEntries(Object.entries({ ...now, ...changes }).filter(([, value]) => value !== null))
    return await this.#store(name, given)
  }

  /** Nothing is sent until it is resumed. */
  async pause(name: string): Promise<void> {
    await this.show(name)
    await this.#write([{ key: recordKey('pause', name), value: JSON.stringify({ at: this.#now() }) }])
  }

  /** What was due meanwhile is not made up. Also for an entry that was disabled because its runs failed. */
  async resume(name: string): Promise<void> {
    const { state } = await this.show(name)
    const begun = state ?? newState(this.#now())
    const fresh: EntryState = {
      ...begun,
      last: this.#now(),
      failures: 0,
      open: [],
      disabled: undefined,
      error: undefined,
    }
    await this.#write([{ key: recordKey('pause', name), value: undefined }, stateRecord(name, fresh)])
  }

  /** Throws `LVG_NO_ENTRY`, and `EntryError` for one of the code, which can only be paused. */
  async remove(name: string): Promise<void> {
    const pages = await this.#read()
    const places = placesOf(pages, name)
    // One that cannot be kept can be removed, too.
    if (places.length === 0) this.#find(pages, name)
    if (places[0] === 'django') throw new EntryError(name, 'remove', IN_TABLES)
    if (places[0] === 'code') {
      throw new EntryError(name, 'remove', 'it stands in the code; take it out there, or pause it')
    }
    const gone = (['entry', 'state', 'pause'] as const).filter(kind => places.length === 1 || kind === 'entry')
    await this.#write(gone.map(kind => ({ key: recordKey(kind, name), value: undefined })))
  }

  /** Sends a run at once, beside those that are due. The answer is the task's id. */
  async runNow(name: string): Promise<string> {
    const { entry } = await this.show(name)
    const id = `${name}-${Buffer.from(this.#parts.runtime.random.bytes(9)).toString('base64url')}`
    await this.#parts.send(entry, id, this.#now())
    return id
  }

  /** The next times at which runs will be sent, at most so many. */
  async next(name: string, count: number): Promise<readonly EpochMs[]> {
    const { booked, schedule } = this.#find(await this.#read(), name)
    const { entry, state, paused, since } = booked
    if (paused) return []
    const times: EpochMs[] = []
    let now = this.#now()
    let after = state ?? newState(since)
    while (times.length < count) {
      const decision = decide(entry, schedule, after, now)
      if (decision.kind === 'over') break
      if (decision.kind === 'wait') {
        now = decision.until
        continue
      }
      if (decision.kind === 'send') times.push(Math.max(now, decision.instant + jitterOf(entry, decision.instant)))
      after = { ...after, last: decision.instant, runs: after.runs + (decision.kind === 'send' ? 1 : 0) }
    }
    return times
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.django?.[Symbol.asyncDispose]()
    await this.#parts.store[Symbol.asyncDispose]()
  }

  async #store(name: string, input: unknown): Promise<Entry> {
    const given = typeof input === 'object' && input !== null ? { ...input, createdAt: this.#now() } : input
    const { entry } = this.#parts.read(name, given)
    await this.#write([{ key: recordKey('entry', name), value: printEntry(entry) }])
    return entry
  }

  async #write(records: readonly BeatRecord[]): Promise<void> {
    await this.#parts.store.write(records)
  }

  async #read(): Promise<Pages> {
    const { records } = await this.#parts.store.changes(0)
    const stored = new Map<string, string>()
    const states = new Map<string, EntryState>()
    const paused = new Set<string>()
    for (const { key, value } of records) {
      const parsed = parseKey(key)
      if (parsed === undefined || value === undefined) continue
      const { kind, name } = parsed
      if (kind === 'entry') stored.set(name, value)
      else if (kind === 'pause') paused.add(name)
      else {
        const state = readState(value)
        if (state !== undefined) states.set(name, state)
      }
    }
    const { tabled, refused } = await this.#readTables()
    return { sources: { stored, tabled, entries: this.#parts.entries }, refused, states, paused }
  }

  async #readTables(): Promise<{
    readonly tabled: ReadonlyMap<string, DjangoEntry>
    readonly refused: readonly BrokenEntry[]
  }> {
    const { django, runtime, readJson } = this.#parts
    const tabled = new Map<string, DjangoEntry>()
    const refused: BrokenEntry[] = []
    if (django === undefined) return { tabled, refused }
    for (const [name, row] of await new DjangoSchedule(runtime, django, readJson).read()) {
      if (row instanceof EntryError) refused.push({ name, error: row })
      else if (row !== undefined) tabled.set(name, row)
    }
    return { tabled, refused }
  }

  /** Throws as `show`. */
  #find(pages: Pages, name: string): Looked {
    if (placesOf(pages, name).length > 0) return this.#look(pages, name)
    const refused = pages.refused.find(each => each.name === name)
    if (refused !== undefined) throw refused.error
    throw new ConfigError(
      'LVG_NO_ENTRY',
      `There is no schedule entry ${JSON.stringify(name)}${meant(name, namesIn(pages)) || '.'}`,
    )
  }

  /** Throws `EntryError` for one that cannot be kept. */
  #look(pages: Pages, name: string): Looked {
    const { sources, states, paused } = pages
    const places = placesOf(pages, name)
    const [source = 'code'] = places
    const known = states.get(name)
    const kept = this.#parts.read(name, inputOf(sources, name, source, known)?.input)
    const row = source === 'django' ? sources.tabled.get(name) : undefined
    const entry = row === undefined ? kept.entry : djangoEntry(kept.entry)
    const state = row === undefined || known === undefined ? known : djangoState(row, known, this.#now())
    const common = {
      entry,
      source: source === 'store' && places.length > 1 ? ('both' as const) : source,
      state,
      paused: paused.has(name),
      since: state?.last ?? this.#begins(entry, row),
    }
    return { booked: { ...common, ...this.#next(common, kept.schedule) }, schedule: kept.schedule }
  }

  #next(
    { entry, state, paused, since }: Omit<BookedEntry, 'next' | 'why'>,
    schedule: Schedule,
  ): Pick<BookedEntry, 'next' | 'why'> {
    const now = this.#now()
    if (paused) return { next: undefined, why: 'it is paused' }
    const decision = decide(entry, schedule, state ?? newState(since), now)
    if (decision.kind === 'over') return { next: undefined, why: decision.why }
    return { next: decision.kind === 'wait' ? decision.until : now, why: undefined }
  }

  /** What a beat will count from that sees it first. */
  #begins(entry: Entry, row: DjangoEntry | undefined): EpochMs {
    const now = this.#now()
    return row === undefined ? Math.min(now, entry.createdAt ?? now) : djangoState(row, undefined, now).last
  }

  #now(): EpochMs {
    return this.#parts.runtime.clock.now()
  }
}

function namesIn({ sources: { stored, tabled, entries } }: Pages): string[] {
  return [...new Set([...entries.keys(), ...tabled.keys(), ...stored.keys()])]
}

/** Where an entry of that name stands; the first counts. */
function placesOf({ sources }: Pages, name: string): readonly Source[] {
  return SOURCES.filter(source => inputOf(sources, name, source, undefined) !== undefined)
}
