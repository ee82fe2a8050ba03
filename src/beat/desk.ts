import { Batcher } from '../lib/batcher.js'
import { LovageError } from '../lib/errors.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { DjangoEntry } from '../schedules/django-entries.js'
import type { Schedule } from '../schedules/schedule.js'
import { Agenda } from './agenda.js'
import type { BeatParts } from './beat-parts.js'
import type { BeatRecord } from './beat-store.js'
import { decide, jitterOf, runId } from './decide.js'
import { djangoEntry, djangoState, owedRun } from './django/django-entry.js'
import { type DjangoChanges, DjangoSchedule } from './django/django-schedule.js'
import { type Entry, type EntryState, newState } from './entry.js'
import { inputOf, SOURCES, type Source } from './entry-sources.js'
import { EntryError } from './errors.js'
import type { LateRuns } from './health.js'
import type { Lead } from './lead.js'
import { isOfTerm, parseKey, readState, stateRecord } from './records.js'

/** How often the store is asked what was changed, and the wall clock looked at (D96). */
const LOOK_EVERY: Ms = 500
/** A run that could not be sent, or waits for the run before it, is tried again after. */
const AGAIN_AFTER: Ms = 1000
/** Open runs that are remembered of one entry. */
const OPEN_MOST = 20
/** Entries that are read in one go. */
const ENTRIES_A_TURN = 500
/** Records of one write. */
const WRITE_MOST = 500

interface Row {
  entry: Entry
  schedule: Schedule
  source: Source
  state: EntryState
  paused: boolean
  /** A run is being sent. */
  busy: boolean
  /** Why nothing comes any more, once it was said. */
  over: string | undefined
}

/** One term of one leader: knows all entries, sends what is due, remembers it. Ends with the term (D90). */
export class Desk {
  readonly term: number
  readonly #parts: BeatParts
  readonly #lead: Lead
  readonly #longest: Ms
  readonly #rows = new Map<string, Row>()
  /** Entries of the store, as they were read. */
  readonly #stored = new Map<string, string>()
  /** Rows of Django's tables. */
  readonly #tabled = new Map<string, DjangoEntry>()
  readonly #django: DjangoSchedule | undefined
  readonly #agenda = new Agenda()
  readonly #saves: Batcher<BeatRecord, 'written' | 'fenced', 'written' | 'fenced' | 'failed'>
  readonly #underWay = new Set<Promise<void>>()
  /** Entries of which a run cannot be sent, and since when it should have been. */
  readonly #late = new Map<string, EpochMs>()
  #cursor = 0
  #looking = false
  #closed = false
  #ended = false
  #wake: (() => void) | undefined
  #lastWall: EpochMs | undefined

  constructor(parts: BeatParts, lead: Lead, term: number, longest: Ms) {
    this.term = term
    this.#parts = parts
    this.#lead = lead
    this.#longest = Math.min(longest, LOOK_EVERY)
    const { django, runtime, readJson } = parts
    this.#django = django === undefined ? undefined : new DjangoSchedule(runtime, django, readJson)
    this.#saves = new Batcher({
      maxCount: WRITE_MOST,
      send: async records => {
        const written = await parts.store.write(records, term)
        return records.map(() => written)
      },
      answer: (_record, written) => written,
      abandoned: async () => 'failed' as const,
    })
  }

  get entries(): number {
    return this.#rows.size
  }

  /** When the next run is due; undefined = never. */
  get next(): EpochMs | undefined {
    return this.#agenda.next()
  }

  /** Reads everything, in turns: the lead is renewed meanwhile. Rejects with `BeatStoreError`. */
  async #open(): Promise<void> {
    const { cursor, records } = await this.#parts.store.changes(0)
    this.#cursor = cursor
    const states = new Map<string, EntryState>()
    const paused = new Set<string>()
    for (const { key, value } of records) {
      const parsed = parseKey(key)
      if (parsed === undefined || value === undefined) continue
      if (parsed.kind === 'entry') this.#stored.set(parsed.name, value)
      else if (parsed.kind === 'pause') paused.add(parsed.name)
      else this.#keepState(states, parsed.name, value)
    }
    this.#heedTables((await this.#django?.look()) ?? new Map())
    const fresh: BeatRecord[] = []
    let turn = 0
    for (const name of new Set([...this.#parts.entries.keys(), ...this.#tabled.keys(), ...this.#stored.keys()])) {
      if (++turn % ENTRIES_A_TURN === 0) await this.#parts.runtime.clock.sleep(0)
      if (!this.#acts) return
      const known = states.get(name)
      const row = this.#enter(name, known)
      if (row === undefined) continue
      row.paused = paused.has(name)
      if (known === undefined) fresh.push(stateRecord(name, row.state, this.term))
    }
    for (let at = 0; at < fresh.length; at += WRITE_MOST) {
      const written = await this.#parts.store.write(fresh.slice(at, at + WRITE_MOST), this.term)
      if (written === 'fenced') return this.#fenced()
    }
    for (const name of this.#rows.keys()) this.#place(name)
  }

  /** What is due and cannot be sent. */
  get late(): LateRuns | undefined {
    let first: readonly [string, EpochMs] | undefined
    for (const late of this.#late) if (first === undefined || late[1] < first[1]) first = late
    return first === undefined ? undefined : { entries: this.#late.size, entry: first[0], since: first[1] }
  }

  /**
   * Reads everything, then sends what is due until the term is over or it is closed. `ticked` is told of every round. Rejects with
   * `BeatStoreError` when it cannot be read.
   */
  async work(ticked: () => void): Promise<void> {
    try {
      ticked()
      const opening = this.#open()
      this.#underWay.add(opening)
      await opening.finally(() => this.#underWay.delete(opening))
      await this.#run(ticked)
    } finally {
      this.#ended = true
    }
  }

  async #run(ticked: () => void): Promise<void> {
    const { clock } = this.#parts.runtime
    let looked = clock.steady()
    while (this.#acts) {
      ticked()
      this.#takeDue()
      await this.#sleep()
      if (!this.#acts || clock.steady() - looked < LOOK_EVERY) continue
      looked = clock.steady()
      this.#replaceIfStepped()
      this.#startLook()
    }
  }

  /** It sends no more. */
  get ended(): boolean {
    return this.#ended
  }

  /** Nothing new is sent; resolves when what was under way is done. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake?.()
    await Promise.allSettled(this.#underWay)
    await this.#django?.end()
  }

  get #acts(): boolean {
    return !this.#closed && this.#lead.term === this.term
  }

  #takeDue(): void {
    for (;;) {
      const name = this.#agenda.take(this.#parts.runtime.clock.now())
      if (name === undefined) return
      const work = this.#handle(name)
      this.#underWay.add(work)
      void work.finally(() => this.#underWay.delete(work))
    }
  }

  async #sleep(): Promise<void> {
    const { clock } = this.#parts.runtime
    const next = this.#agenda.next()
    const ms = Math.max(0, Math.min(this.#longest, next === undefined ? this.#longest : next - clock.now()))
    await new Promise<void>(resolve => {
      const timer = clock.timer(ms, resolve)
      this.#wake = () => {
        timer[Symbol.dispose]()
        resolve()
      }
    })
    this.#wake = undefined
  }

  /** A store that is slow to answer keeps nothing waiting that is due (H61). */
  #startLook(): void {
    if (this.#looking) return
    this.#looking = true
    void Promise.all([this.#look(), this.#lookAtTables()]).finally(() => {
      this.#looking = false
    })
  }

  /** What others have written: entries, pauses, and states that a person has put right. Never rejects. */
  async #look(): Promise<void> {
    const { store, runtime } = this.#parts
    try {
      const { cursor, records } = await store.changes(this.#cursor)
      if (!this.#acts) return
      this.#cursor = cursor
      for (const record of records) this.#heed(record)
      if (records.length > 0) this.#wake?.()
    } catch (error) {
      if (!this.#acts) return
      runtime.log.warning(`Beat cannot read ${store.url}: ${wordsOf(error)} It goes on with what it knows.`)
    }
  }

  /** What was changed in Django's tables. Never rejects. */
  async #lookAtTables(): Promise<void> {
    const changes = await this.#django?.look()
    if (changes === undefined || changes.size === 0 || !this.#acts) return
    this.#heedTables(changes)
    for (const name of changes.keys()) {
      this.#late.delete(name)
      this.#enter(name, this.#rows.get(name)?.state)
      this.#place(name)
    }
    this.#wake?.()
  }

  #heedTables(changes: DjangoChanges): void {
    for (const [name, row] of changes) {
      if (row === undefined || row instanceof EntryError) this.#tabled.delete(name)
      else this.#tabled.set(name, row)
      if (row instanceof EntryError) this.#refuse(name, row)
    }
  }

  #heed({ key, value }: BeatRecord): void {
    const parsed = parseKey(key)
    if (parsed === undefined) return
    const { kind, name } = parsed
    const row = this.#rows.get(name)
    this.#late.delete(name)
    switch (kind) {
      case 'entry':
        if (value === undefined) this.#stored.delete(name)
        else this.#stored.set(name, value)
        this.#enter(name, row?.state)
        break
      case 'pause':
        if (row !== undefined) row.paused = value !== undefined
        break
      case 'state': {
        // Its own may come back late, when it has gone on long since.
        const state = value === undefined || isOfTerm(value, this.term) ? undefined : readState(value)
        if (row !== undefined && state !== undefined) row.state = state
        break
      }
      default:
        kind satisfies never
    }
    this.#place(name)
  }

  /** Takes the entry of this name that is heeded. A bad one is said and left out, and the next below counts (D93). */
  #enter(name: string, state: EntryState | undefined): Row | undefined {
    for (const source of SOURCES) {
      try {
        const found = this.#read(name, source, state)
        if (found !== undefined) return this.#keep(name, { ...found, source })
      } catch (error) {
        this.#refuse(name, error)
      }
    }
    this.#rows.delete(name)
    this.#agenda.remove(name)
    return undefined
  }

  /** Undefined: there is none. Throws `EntryError`. */
  #read(
    name: string,
    source: Source,
    known: EntryState | undefined,
  ): Pick<Row, 'entry' | 'schedule' | 'state'> | undefined {
    const now = this.#parts.runtime.clock.now()
    const given = inputOf(
      { stored: this.#stored, tabled: this.#tabled, entries: this.#parts.entries },
      name,
      source,
      known,
    )
    if (given === undefined) return undefined
    const { entry, schedule } = this.#parts.read(name, given.input)
    const row = source === 'django' ? this.#tabled.get(name) : undefined
    if (row === undefined) return { entry, schedule, state: known ?? newState(Math.min(now, entry.createdAt ?? now)) }
    const state = djangoState(row, known, now)
    const owed = owedRun(row, state)
    if (owed !== undefined) this.#django?.ran(owed)
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

  #keepState(states: Map<string, EntryState>, name: string, value: string): void {
    const state = readState(value)
    if (state !== undefined) states.set(name, state)
    else this.#parts.runtime.log.error(`What is remembered of schedule entry ${name} is unreadable: it begins anew.`)
  }

  /** Puts it where it belongs in the agenda. */
  #place(name: string): void {
    const row = this.#rows.get(name)
    if (row === undefined || row.busy) return
    if (row.paused) {
      this.#agenda.remove(name)
      return
    }
    const now = this.#parts.runtime.clock.now()
    const decision = this.#decide(name, row, now)
    if (decision === undefined || decision.kind === 'over') {
      this.#agenda.remove(name)
      if (decision !== undefined) this.#sayOver(name, row, decision.why)
      return
    }
    row.over = undefined
    this.#agenda.put(name, decision.kind === 'wait' ? decision.until : now)
  }

  /** Schedules are checked, but it is user input that computes here: what throws is left out (D93). */
  #decide(name: string, row: Row, now: EpochMs): ReturnType<typeof decide> | undefined {
    try {
      return decide(row.entry, row.schedule, row.state, now)
    } catch (error) {
      this.#parts.runtime.log.error(`Schedule entry ${name} cannot tell when it is due: ${wordsOf(error)}`)
      return undefined
    }
  }

  #sayOver(name: string, row: Row, why: string): void {
    if (row.over === why) return
    row.over = why
    this.#parts.runtime.log.info(`Schedule entry ${name} sends no more: ${why}.`)
  }

  /** The wall clock may have been set: one that was set back would let everything wait that was placed before. */
  #replaceIfStepped(): void {
    const now = this.#parts.runtime.clock.now()
    const next = this.#agenda.next()
    if (this.#lastWall !== undefined && now < this.#lastWall - LOOK_EVERY && next !== undefined) {
      for (const name of this.#rows.keys()) this.#place(name)
    }
    this.#lastWall = now
  }

  async #handle(name: string): Promise<void> {
    const row = this.#rows.get(name)
    if (row === undefined || row.busy || row.paused) return
    row.busy = true
    let again: Ms | undefined
    try {
      again = await this.#step(name, row)
    } catch (error) {
      again = AGAIN_AFTER
      this.#waitsSince(name, this.#parts.runtime.clock.now())
      this.#parts.runtime.log.error(`Schedule entry ${name}: ${wordsOf(error)} Tried again in ${AGAIN_AFTER / 1000} s.`)
    } finally {
      row.busy = false
    }
    if (!this.#acts || this.#rows.get(name) !== row) return
    if (again === undefined) this.#place(name)
    else this.#agenda.put(name, this.#parts.runtime.clock.now() + again)
    this.#wake?.()
  }

  /** Deals with one due time. The answer: look again so much later, undefined = when it is due next. */
  async #step(name: string, row: Row): Promise<Ms | undefined> {
    const decision = this.#decide(name, row, this.#parts.runtime.clock.now())
    if (decision?.kind === 'miss') {
      this.#parts.runtime.log.warning(`Schedule entry ${name} was not sent: ${decision.why}.`)
      return await this.#save(name, row, { ...row.state, last: decision.instant })
    }
    if (decision?.kind !== 'send') return undefined
    const before = await this.#lookBack(name, row)
    if (before === 'disabled') return undefined
    if (before === 'open' && row.entry.overlap === 'queue') return AGAIN_AFTER
    if (before === 'open' && row.entry.overlap === 'skip') {
      this.#parts.runtime.log.info(`Schedule entry ${name} was not sent: the run before has not ended.`)
      return await this.#save(name, row, { ...row.state, last: decision.instant })
    }
    if (before === 'open' && row.entry.overlap === 'cancel') {
      for (const run of row.state.open) await this.#parts.cancel(row.entry, run)
    }
    return await this.#send(name, row, decision.instant)
  }

  /** Learns how earlier runs ended, for entries that ask for it. */
  async #lookBack(name: string, row: Row): Promise<'free' | 'open' | 'disabled'> {
    const { entry, state } = row
    if (!looksBack(entry) || state.open.length === 0) return 'free'
    const ends = await this.#parts.ends(entry, state.open, state.sentAt)
    if (ends === undefined) return 'free'
    const open = state.open.filter((_, i) => ends[i] === 'open')
    const failures = ends.reduce((n, end) => (end === 'failed' ? n + 1 : end === 'good' ? 0 : n), state.failures)
    row.state = { ...state, open, failures }
    if (entry.failureThreshold !== undefined && failures >= entry.failureThreshold) {
      const disabled = `${failures} runs in a row have failed`
      this.#parts.runtime.log.error(`Schedule entry ${name} is disabled: ${disabled}. Resume it when that is mended.`)
      await this.#save(name, row, { ...row.state, disabled })
      return 'disabled'
    }
    return open.length > 0 ? 'open' : 'free'
  }

  /** Publish, confirmed; then remember (D91). */
  async #send(name: string, row: Row, instant: EpochMs): Promise<Ms | undefined> {
    const { runtime } = this.#parts
    const { entry } = row
    const id = runId(entry, instant)
    if (!this.#acts) return undefined
    let run = id
    let error: string | undefined
    try {
      run = await this.#parts.send(entry, id, instant)
      const late = runtime.clock.now() - instant - jitterOf(entry, instant)
      runtime.log.info(`Schedule entry ${name} sent: ${entry.task}[${id}]`, { entry: name, late })
      this.#parts.observe({ type: 'beat-sent', fields: { entry: name, task: entry.task, id, late } })
    } catch (problem) {
      if (isTransient(problem)) {
        this.#waitsSince(name, instant)
        runtime.log.warning(`Schedule entry ${name} could not be sent: ${wordsOf(problem)} Tried again in 1 s.`)
        return AGAIN_AFTER
      }
      error = wordsOf(problem)
      runtime.log.error(`Schedule entry ${name} cannot be sent: ${error} This run is lost; the others go on.`)
    }
    const { state } = row
    const next: EntryState =
      error !== undefined
        ? { ...state, last: instant, error }
        : {
            ...state,
            last: instant,
            runs: state.runs + 1,
            open: looksBack(entry) ? [...state.open, run].slice(-OPEN_MOST) : [],
            lastId: id,
            sentAt: runtime.clock.now(),
            error: undefined,
          }
    await this.#save(name, row, next)
    if (error === undefined && row.source === 'django') {
      this.#django?.ran({ name, at: instant, count: 1, off: this.#tabled.get(name)?.oneOff ?? false })
    }
    return undefined
  }

  /** Until it is written or the term is over: what was sent and not remembered is sent again, by the same id, by the next leader. */
  async #save(name: string, row: Row, state: EntryState): Promise<undefined> {
    row.state = state
    this.#late.delete(name)
    const record = stateRecord(name, state, this.term)
    while (this.#lead.term === this.term) {
      const written = await this.#saves.ask(record)
      if (written === 'written') return undefined
      if (written === 'fenced') return this.#fenced()
      this.#parts.runtime.log.warning(`Beat cannot write to ${this.#parts.store.url}. Tried again in 1 s.`)
      await this.#parts.runtime.clock.sleep(AGAIN_AFTER)
    }
    return undefined
  }

  #waitsSince(name: string, since: EpochMs): void {
    if (!this.#late.has(name)) this.#late.set(name, since)
  }

  #fenced(): undefined {
    this.#parts.runtime.log.warning(`Beat has lost the lead of term ${this.term}.`)
    this.#lead.lost()
    return undefined
  }
}

function looksBack({ overlap, failureThreshold }: Entry): boolean {
  return overlap !== 'allow' || failureThreshold !== undefined
}

/** The same publish may succeed later. */
function isTransient(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'transient' in error && error.transient === true
}

function wordsOf(error: unknown): string {
  if (error instanceof LovageError) return `${error.message} (${error.code})`
  return error instanceof Error ? `${error.message}.` : `${String(error)}.`
}
