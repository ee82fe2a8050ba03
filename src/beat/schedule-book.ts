import { ConfigError } from '../lib/errors.js'
import type { EpochMs } from '../lib/time.js'
import type { BeatParts } from './beat-parts.js'
import type { BeatRecord, Leader } from './beat-store.js'
import { decide, jitterOf } from './decide.js'
import { type Entry, type EntryState, newState } from './entry.js'
import { EntryError } from './errors.js'
import { printEntry } from './print-entry.js'
import { type EntryInput, meant } from './read-entry.js'
import { parseKey, readObject, readState, recordKey, stateRecord } from './records.js'

/** An entry as people see it. */
export interface BookedEntry {
  readonly entry: Entry
  /** `both`: a stored entry stands in the place of one of the code. */
  readonly source: 'code' | 'store' | 'both'
  /** Undefined: no beat has seen it yet. */
  readonly state: EntryState | undefined
  readonly paused: boolean
  /** When its next run is sent; undefined = never, `why` says why. */
  readonly next: EpochMs | undefined
  readonly why: string | undefined
}

/** An entry that no beat can keep. */
export interface BrokenEntry {
  readonly name: string
  readonly error: Error
}

type BookParts = Pick<BeatParts, 'runtime' | 'store' | 'entries' | 'read' | 'schedule' | 'send'>

/** What beats keep, for looking at it and changing it; a change is effective within a second. */
export class ScheduleBook implements AsyncDisposable {
  readonly #parts: BookParts

  constructor(parts: BookParts) {
    this.#parts = parts
  }

  /** By name. Entries that cannot be kept are in `broken`. */
  async list(): Promise<{ readonly entries: readonly BookedEntry[]; readonly broken: readonly BrokenEntry[] }> {
    const { stored, states, paused } = await this.#read()
    const entries: BookedEntry[] = []
    const broken: BrokenEntry[] = []
    for (const name of [...new Set([...this.#parts.entries.keys(), ...stored.keys()])].sort()) {
      const inCode = this.#parts.entries.has(name)
      const isStored = stored.has(name)
      try {
        const input = isStored ? readObject(stored.get(name) ?? '') : this.#parts.entries.get(name)
        const entry = this.#parts.read(name, input)
        const source = isStored ? (inCode ? 'both' : 'store') : 'code'
        entries.push(this.#booked(entry, source, states.get(name), paused.has(name)))
      } catch (error) {
        broken.push({ name, error: error instanceof Error ? error : new Error(String(error)) })
      }
    }
    return { entries, broken }
  }

  /** Throws `LVG_NO_ENTRY`, and `EntryError` for one that cannot be kept. */
  async show(name: string): Promise<BookedEntry> {
    const { entries, broken } = await this.list()
    const found = entries.find(({ entry }) => entry.name === name)
    if (found !== undefined) return found
    const problem = broken.find(each => each.name === name)
    if (problem !== undefined) throw problem.error
    const names = entries.map(({ entry }) => entry.name)
    throw new ConfigError(
      'LVG_NO_ENTRY',
      `There is no schedule entry ${JSON.stringify(name)}${meant(name, names) || '.'}`,
    )
  }

  /** Who leads; undefined = no beat runs. */
  leader(): Promise<Leader | undefined> {
    return this.#parts.store.leader()
  }

  /** Stores an entry. Throws `EntryError`, `LVG_ENTRY_EXISTS`. */
  async add(name: string, input: EntryInput): Promise<Entry> {
    const { entries, broken } = await this.list()
    const known = entries.find(({ entry }) => entry.name === name) ?? broken.find(each => each.name === name)
    if (known !== undefined) {
      throw new ConfigError(
        'LVG_ENTRY_EXISTS',
        `There is a schedule entry ${JSON.stringify(name)} already. Edit it, or choose another name.`,
      )
    }
    return await this.#store(name, input)
  }

  /** Changes what is given of an entry; `null` takes a member away. One of the code gets a stored one in its place. Throws as `show` and `add`. */
  async edit(name: string, changes: { readonly [K in keyof EntryInput]?: EntryInput[K] | null }): Promise<Entry> {
    const { entry } = await this.show(name)
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
    const { source } = await this.show(name)
    if (source === 'code') throw new EntryError(name, 'remove', 'it stands in the code; take it out there, or pause it')
    const gone = (['entry', 'state', 'pause'] as const).filter(kind => source === 'store' || kind === 'entry')
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
    const { entry, state, paused } = await this.show(name)
    if (paused) return []
    const schedule = this.#parts.schedule(entry)
    const times: EpochMs[] = []
    let now = this.#now()
    let after = state ?? newState(Math.min(now, entry.createdAt ?? now))
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
    await this.#parts.store[Symbol.asyncDispose]()
  }

  async #store(name: string, input: unknown): Promise<Entry> {
    const given = typeof input === 'object' && input !== null ? { ...input, createdAt: this.#now() } : input
    const entry = this.#parts.read(name, given)
    await this.#write([{ key: recordKey('entry', name), value: printEntry(entry) }])
    return entry
  }

  async #write(records: readonly BeatRecord[]): Promise<void> {
    await this.#parts.store.write(records)
  }

  async #read() {
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
    return { stored, states, paused }
  }

  #booked(entry: Entry, source: BookedEntry['source'], state: EntryState | undefined, paused: boolean): BookedEntry {
    const now = this.#now()
    const seen = state ?? newState(Math.min(now, entry.createdAt ?? now))
    const common = { entry, source, state, paused }
    if (paused) return { ...common, next: undefined, why: 'it is paused' }
    const decision = decide(entry, this.#parts.schedule(entry), seen, now)
    if (decision.kind === 'over') return { ...common, next: undefined, why: decision.why }
    return { ...common, next: decision.kind === 'wait' ? decision.until : now, why: undefined }
  }

  #now(): EpochMs {
    return this.#parts.runtime.clock.now()
  }
}
