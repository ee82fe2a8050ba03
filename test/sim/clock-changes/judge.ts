import { runId } from '../../../src/beat/decide.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import type { Run } from '../../support/beat/beat-stage.js'
import { dueTimes } from './due-times.js'
import { type ClockPlan, endOf, type PlannedEntry, type Trouble } from './plan.js'
import { HOUR } from './wall-clock.js'

/** Due times that are older than this when a beat looks at them are missed (D92); a second for the way to the worker. */
const GRACE: Ms = 61_000
/** A leader's clock may be so far wrong without being an hour wrong. */
const SMALL: Ms = 2000

/** Compares what ran with what was due. `began`: due times of an entry count after that. Throws `Violation`. */
export function judge(plan: ClockPlan, began: ReadonlyMap<string, EpochMs>, runs: readonly Run[]): void {
  for (const entry of plan.entries) {
    const ran = runs.filter(run => run.args[0] === entry.name)
    new EntryJudge(plan, entry, began.get(entry.name) ?? Number.NaN, ran).judge()
  }
}

class EntryJudge {
  readonly #plan: ClockPlan
  readonly #entry: PlannedEntry
  readonly #dues: readonly EpochMs[]
  /** By due time. */
  readonly #ran = new Map<EpochMs, Run>()
  readonly #runs: readonly Run[]

  constructor(plan: ClockPlan, entry: PlannedEntry, began: EpochMs, runs: readonly Run[]) {
    this.#plan = plan
    this.#entry = entry
    this.#runs = runs
    // A clock that is an hour ahead brings what is due later.
    this.#dues = dueTimes(entry, began, plan.until + 2 * HOUR)
  }

  judge(): void {
    const dueOf = new Map(this.#dues.map(due => [runId(this.#entry, due), due]))
    for (const run of this.#runs) {
      const due = dueOf.get(run.id)
      if (due === undefined) throw this.#violation(`ran at ${iso(run.at)}, which is nobody's due time`)
      if (this.#ran.has(due)) throw this.#violation(`${iso(due)} ran twice`)
      this.#ran.set(due, run)
    }
    for (const due of this.#dues) this.#judgeDue(due)
    for (const trouble of this.#plan.troubles) if (trouble.kind === 'outage') this.#judgeOutage(trouble)
  }

  #judgeDue(due: EpochMs): void {
    const run = this.#ran.get(due)
    const wrong = this.#plan.troubles.find(trouble => isWrongAt(trouble, due))
    if (run === undefined) {
      if (due > this.#plan.until || (wrong !== undefined && this.#entry.misfire === 'one')) return
      throw this.#violation(`${iso(due)} never ran`)
    }
    if (wrong !== undefined) return
    if (run.at < due - this.#ahead(run.at) || run.at > due + GRACE) {
      throw this.#violation(`${iso(due)} ran at ${iso(run.at)}`)
    }
  }

  /** How far the clock of whoever led may have been ahead. */
  #ahead(at: EpochMs): Ms {
    return this.#plan.troubles.some(one => one.kind === 'step' && at >= one.at && at < endOf(one) + GRACE) ? SMALL : 0
  }

  /** One run stands for all that were missed: the last. */
  #judgeOutage(outage: Trouble): void {
    if (this.#entry.misfire !== 'one') return
    const over = endOf(outage)
    const missed = this.#dues.filter(due => due > outage.at && due <= over)
    const made = missed.filter(due => this.#ran.has(due) && due <= over - GRACE)
    if (made.length > 1) throw this.#violation(`${made.length} runs make up for an outage`)
    const last = missed.at(-1)
    if (last !== undefined && !this.#ran.has(last)) {
      throw this.#violation(`${iso(last)}, the last one of an outage, was not made up`)
    }
  }

  #violation(what: string): Violation {
    return new Violation('F52', `${this.#entry.name} ${JSON.stringify(this.#entry)}: ${what}`, [this.#entry.name])
  }
}

/** Is no due time kept to the minute then: because no beat runs, or one whose clock is wrong by an hour, so that others are passed over? */
function isWrongAt(trouble: Trouble, due: EpochMs): boolean {
  if (trouble.kind === 'outage') return due > trouble.at - GRACE && due <= endOf(trouble)
  if (trouble.kind !== 'step' || Math.abs(trouble.by) <= SMALL) return false
  return due > trouble.at - GRACE && due <= endOf(trouble) + HOUR + GRACE
}

function iso(instant: EpochMs): string {
  return new Date(instant).toISOString()
}
