import type { Database } from '../../drivers/sqlite/database.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Addition } from '../backend.js'
import { CLOSED_CHORD_TTL } from '../closed-chord-ttl.js'
import { holdFor, type KeptQuietChord, type QuietClaim } from '../quiet-chord.js'
import type { ChordAddition, ChordSize, Part, PartArrival } from './result-calls.js'
import type { Statements } from './statements.js'

type ChordRow = {
  readonly size: number | null
  readonly added: number
  readonly arrived: number
  readonly closed: number
  readonly ttl: Ms | null
  readonly expired: number
}

type QuietRow = {
  readonly chord: GroupId
  readonly memo: string
  readonly size: number | null
  readonly added: number
  readonly arrived: number
  readonly movedAt: EpochMs
}

const NEW_CHORD: ChordRow = { size: null, added: 0, arrived: 0, closed: 0, ttl: null, expired: 0 }

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
    if (isComplete(found)) return this.#complete(chord)
    const arrived = this.#take(part, found.added > 0) ? found.arrived + 1 : found.arrived
    return isComplete({ ...found, arrived }) ? this.#complete(chord) : { kind: 'waiting' }
  }

  add({ chord, tasks, ttl }: ChordAddition, now: EpochMs): Addition {
    const found = this.#open(chord, now)
    if (found.closed !== 0) return 'over'
    if (found.size === null) return 'unopened'
    if (isComplete(found)) return tasks.every(id => this.#isAdded(chord, id)) ? 'added' : 'over'
    const fresh = tasks.filter(id => this.#db.run(this.#sql['add-to-chord'], chord, id) === 1)
    if (fresh.length > 0) this.#db.run(this.#sql['grow-chord'], chord, fresh.length)
    this.#keep(chord, ttl, now)
    return 'added'
  }

  close(chord: GroupId, now: EpochMs): void {
    const { ttl } = this.#open(chord, now)
    this.#forgetParts(chord)
    this.#db.run(this.#sql['close-chord'], chord)
    this.#keep(chord, Math.min(ttl ?? CLOSED_CHORD_TTL, CLOSED_CHORD_TTL), now)
  }

  claimQuiet(claim: QuietClaim, now: EpochMs): readonly KeptQuietChord[] {
    const rows = this.#db.all<QuietRow>(this.#sql['quiet-chords'], now - claim.quiet, now, claim.limit)
    return rows.map(({ chord, memo, size, added, arrived, movedAt }) => {
      const quiet = Math.max(0, now - movedAt)
      const complete = isComplete({ size, added, arrived })
      this.#db.run(this.#sql['hold-chord'], chord, now - claim.quiet + holdFor(complete, quiet, claim))
      const count = complete ? this.#complete(chord) : this.#waiting(chord, (size ?? 0) + added)
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
  #take({ chord, index, taskId, meta }: Part, some: boolean): boolean {
    const added = some && this.#isAdded(chord, taskId)
    const [idx, place] = added ? [null, index ?? null] : [index ?? null, null]
    if (this.#db.run(this.#sql['add-part'], chord, idx, place, taskId, meta) === 1) {
      this.#db.run(this.#sql['count-part'], chord)
      return true
    }
    if (idx === null) this.#db.run(this.#sql['replace-part-by-task'], chord, taskId, meta)
    else this.#db.run(this.#sql['replace-part'], chord, idx, taskId, meta)
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

  #isAdded(chord: GroupId, task: TaskId): boolean {
    return this.#db.get(this.#sql['is-added'], chord, task) !== undefined
  }

  #forgetParts(chord: GroupId): void {
    this.#db.run(this.#sql['forget-parts'], chord)
    this.#db.run(this.#sql['forget-added'], chord)
  }

  #forget(chord: GroupId): void {
    this.#forgetParts(chord)
    this.#db.run(this.#sql['forget-chord'], chord)
  }
}

function isComplete({ size, added, arrived }: Pick<ChordRow, 'size' | 'added' | 'arrived'>): boolean {
  return size !== null && arrived >= size + added
}
