import type { Database } from '../../drivers/sqlite/database.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { holdFor, type KeptQuietChord, type QuietClaim } from '../quiet-chord.js'
import type { ChordSize, Part, PartArrival } from './result-calls.js'
import type { Statements } from './statements.js'

type ChordRow = {
  readonly size: number | null
  readonly arrived: number
  readonly closed: number
  readonly ttl: Ms | null
  readonly expired: number
}

type QuietRow = {
  readonly chord: GroupId
  readonly memo: string
  readonly size: number | null
  readonly arrived: number
  readonly movedAt: EpochMs
}

const NEW_CHORD: ChordRow = { size: null, arrived: 0, closed: 0, ttl: null, expired: 0 }

/** The counting of chords: memory/chord-count.ts in SQL. An arrival costs the same in a chord of ten and of ten thousand. */
export class ChordTable {
  readonly #db: Database
  readonly #sql: Statements

  constructor(db: Database, sql: Statements) {
    this.#db = db
    this.#sql = sql
  }

  setSize({ chord, size, ttl, memo }: ChordSize, now: EpochMs): void {
    this.#open(chord, now)
    this.#db.run(this.#sql['set-chord-size'], chord, size, memo ?? null)
    this.#keep(chord, ttl, now)
  }

  arrive(part: Part, now: EpochMs): PartArrival {
    const { chord } = part
    const found = this.#open(chord, now)
    this.#keep(chord, part.ttl, now)
    if (found.closed !== 0) return { kind: 'closed' }
    if (isComplete(found.size, found.arrived)) return this.#complete(chord)
    const arrived = this.#take(part) ? found.arrived + 1 : found.arrived
    return isComplete(found.size, arrived) ? this.#complete(chord) : { kind: 'waiting' }
  }

  close(chord: GroupId, now: EpochMs): void {
    const { ttl } = this.#open(chord, now)
    this.#db.run(this.#sql['forget-parts'], chord)
    this.#db.run(this.#sql['close-chord'], chord)
    this.#keep(chord, Math.min(ttl ?? CLOSED_CHORD_TTL, CLOSED_CHORD_TTL), now)
  }

  claimQuiet(claim: QuietClaim, now: EpochMs): readonly KeptQuietChord[] {
    const rows = this.#db.all<QuietRow>(this.#sql['quiet-chords'], now - claim.quiet, now, claim.limit)
    return rows.map(({ chord, memo, size, arrived, movedAt }) => {
      const quiet = Math.max(0, now - movedAt)
      const complete = isComplete(size, arrived)
      this.#db.run(this.#sql['hold-chord'], chord, now - claim.quiet + holdFor(complete, quiet, claim))
      const count = complete ? this.#complete(chord) : this.#waiting(chord, size ?? 0)
      return { chord, memo, quiet, count }
    })
  }

  /** Forgets up to `limit` that have expired; how many there were. */
  expire(now: EpochMs, limit: number): number {
    const expired = this.#db.all<{ readonly chord: GroupId }>(this.#sql['expired-chords'], now, limit)
    for (const { chord } of expired) this.#forget(chord)
    return expired.length
  }

  #open(chord: GroupId, now: EpochMs): ChordRow {
    const found = this.#db.get<ChordRow>(this.#sql.chord, chord, now)
    if (found !== undefined && found.expired === 0) return found
    if (found !== undefined) this.#forget(chord)
    this.#db.run(this.#sql['add-chord'], chord)
    return NEW_CHORD
  }

  /** False when the part is there already: then it says something new (D70). */
  #take({ chord, index, taskId, meta }: Part): boolean {
    if (this.#db.run(this.#sql['add-part'], chord, index ?? null, taskId, meta) === 1) {
      this.#db.run(this.#sql['count-part'], chord)
      return true
    }
    if (index === undefined) this.#db.run(this.#sql['replace-part-by-task'], chord, taskId, meta)
    else this.#db.run(this.#sql['replace-part'], chord, index, taskId, meta)
    return false
  }

  #waiting(chord: GroupId, size: number): KeptQuietChord['count'] {
    const rows = this.#db.all<{ readonly taskId: TaskId }>(this.#sql['arrived-parts'], chord)
    return { kind: 'waiting', size, arrived: rows.map(({ taskId }) => taskId) }
  }

  #complete(chord: GroupId): PartArrival & { readonly kind: 'complete' } {
    const rows = this.#db.all<{ readonly meta: Uint8Array }>(this.#sql.parts, chord)
    return { kind: 'complete', parts: rows.map(row => row.meta) }
  }

  #keep(chord: GroupId, ttl: Ms | undefined, now: EpochMs): void {
    this.#db.run(this.#sql['keep-chord'], chord, ttl ?? null, ttl === undefined ? null : now + ttl, now)
  }

  #forget(chord: GroupId): void {
    this.#db.run(this.#sql['forget-parts'], chord)
    this.#db.run(this.#sql['forget-chord'], chord)
  }
}

function isComplete(size: number | null, arrived: number): boolean {
  return size !== null && arrived >= size
}
