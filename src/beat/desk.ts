import type { EpochMs, Ms } from '../lib/time.js'
import { Agenda } from './agenda.js'
import type { BeatParts } from './beat-parts.js'
import type { BeatRecord } from './beat-store.js'
import { decideRow } from './decide-row.js'
import { DjangoSchedule } from './django/django-schedule.js'
import type { EntryState } from './entry.js'
import { EntryRows } from './entry-rows.js'
import type { LateRuns } from './health.js'
import { LateEntries } from './late-entries.js'
import type { Lead } from './lead.js'
import { isOfTerm, parseKey, readState, stateRecord } from './records.js'
import type { Row } from './row.js'
import { AGAIN_AFTER, RunSender } from './run-sender.js'
import { TermRecords } from './term-records.js'
import { wordsOf } from './words-of.js'

/** How often the store is asked what was changed, and the wall clock looked at (D96). */
const LOOK_EVERY: Ms = 500
/** Entries that are read in one go. */
const ENTRIES_A_TURN = 500

/** One term of one leader: knows all entries, sends what is due, remembers it. Ends with the term (D90). */
export class Desk {
  readonly term: number
  readonly #parts: BeatParts
  readonly #lead: Lead
  readonly #longest: Ms
  readonly #rows: EntryRows
  readonly #records: TermRecords
  readonly #sender: RunSender
  readonly #django: DjangoSchedule | undefined
  readonly #agenda = new Agenda()
  readonly #underWay = new Set<Promise<void>>()
  readonly #late = new LateEntries()
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
    this.#rows = new EntryRows(parts, run => this.#django?.ran(run))
    this.#records = new TermRecords(parts, lead, term)
    this.#sender = new RunSender(parts, {
      late: this.#late,
      acts: () => this.#acts,
      save: (name, row, state) => this.#save(name, row, state),
      sent: (name, row, instant) => this.#sent(name, row, instant),
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
      if (parsed.kind === 'entry') this.#rows.store(parsed.name, value)
      else if (parsed.kind === 'pause') paused.add(parsed.name)
      else this.#keepState(states, parsed.name, value)
    }
    this.#rows.tabulate((await this.#django?.look()) ?? new Map())
    const fresh: BeatRecord[] = []
    let turn = 0
    for (const name of this.#rows.written) {
      if (++turn % ENTRIES_A_TURN === 0) await this.#parts.runtime.clock.sleep(0)
      if (!this.#acts) return
      const known = states.get(name)
      const row = this.#rows.enter(name, known)
      if (row === undefined) continue
      row.paused = paused.has(name)
      if (known === undefined) fresh.push(stateRecord(name, row.state, this.term))
    }
    if (!(await this.#records.write(fresh))) return
    for (const name of this.#rows.names) this.#place(name)
  }

  /** What is due and cannot be sent. */
  get late(): LateRuns | undefined {
    return this.#late.runs
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
    this.#rows.tabulate(changes)
    for (const name of changes.keys()) {
      this.#late.remove(name)
      this.#rows.enter(name, this.#rows.get(name)?.state)
      this.#place(name)
    }
    this.#wake?.()
  }

  #heed({ key, value }: BeatRecord): void {
    const parsed = parseKey(key)
    if (parsed === undefined) return
    const { kind, name } = parsed
    const row = this.#rows.get(name)
    this.#late.remove(name)
    switch (kind) {
      case 'entry':
        this.#rows.store(name, value)
        this.#rows.enter(name, row?.state)
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

  #keepState(states: Map<string, EntryState>, name: string, value: string): void {
    const state = readState(value)
    if (state !== undefined) states.set(name, state)
    else this.#parts.runtime.log.error(`What is remembered of schedule entry ${name} is unreadable: it begins anew.`)
  }

  /** Puts it where it belongs in the agenda. */
  #place(name: string): void {
    const row = this.#rows.get(name)
    if (row?.busy) return
    if (row === undefined || row.paused) {
      this.#agenda.remove(name)
      return
    }
    const { clock, log } = this.#parts.runtime
    const now = clock.now()
    const decision = decideRow(name, row, now, log)
    if (decision === undefined || decision.kind === 'over') {
      this.#agenda.remove(name)
      if (decision !== undefined) this.#sayOver(name, row, decision.why)
      return
    }
    row.over = undefined
    this.#agenda.put(name, decision.kind === 'wait' ? decision.until : now)
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
      for (const name of this.#rows.names) this.#place(name)
    }
    this.#lastWall = now
  }

  async #handle(name: string): Promise<void> {
    const row = this.#rows.get(name)
    if (row === undefined || row.busy || row.paused) return
    row.busy = true
    let again: Ms | undefined
    try {
      again = await this.#sender.deal(name, row)
    } catch (error) {
      again = AGAIN_AFTER
      this.#late.add(name, this.#parts.runtime.clock.now())
      this.#parts.runtime.log.error(`Schedule entry ${name}: ${wordsOf(error)} Tried again in ${AGAIN_AFTER / 1000} s.`)
    } finally {
      row.busy = false
    }
    if (!this.#acts || this.#rows.get(name) !== row) return
    if (again === undefined) this.#place(name)
    else this.#agenda.put(name, this.#parts.runtime.clock.now() + again)
    this.#wake?.()
  }

  /** What was sent and not remembered is sent again, by the same id, by the next leader. */
  async #save(name: string, row: Row, state: EntryState): Promise<void> {
    row.state = state
    this.#late.remove(name)
    await this.#records.save(stateRecord(name, state, this.term))
  }

  #sent(name: string, { source }: Row, instant: EpochMs): void {
    if (source === 'django') this.#django?.ran({ name, at: instant, count: 1, off: this.#rows.isOneOff(name) })
  }
}
