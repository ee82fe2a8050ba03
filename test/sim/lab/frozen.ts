import type { Ms, SteadyMs } from '../../../src/lib/time.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import type { Execution, Journal } from '../../../src/testing/sim/journal.js'
import type { Ledger } from '../../../src/testing/sim/ledger.js'
import type { OpenCalls } from '../../../src/testing/sim/open-calls.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { limitOf } from './behaviours.js'
import type { Sightings } from './sightings.js'

export interface FrozenParts {
  readonly world: SimWorld
  readonly journal: Journal
  readonly ledger: Ledger
  readonly sightings: Sightings
}

/** Calls ahead of their turn leave a child that stands still within so long. */
const BACK: Ms = 250
/** How late a time limit may be: clocks are fast or slow, timers late. */
const LATE: Ms = 250

/**
 * Children that stand still while their worker goes on (F06). When one thaws it is looked at what its worker has made of it: calls
 * ahead of their turn are back, what had a time limit was ended by it, and the message of what it runs was not handed back.
 */
export class Frozen {
  readonly #parts: FrozenParts
  /** Since when. */
  readonly #since = new Map<SimProcess, SteadyMs>()

  constructor(parts: FrozenParts) {
    this.#parts = parts
  }

  get all(): readonly SimProcess[] {
    return [...this.#since.keys()]
  }

  freeze(child: SimProcess): void {
    this.#since.set(child, this.#parts.world.now)
    child.freeze()
  }

  /** Once. `calls`: of one that is alive and was ready. `worker`: one that was to see to it. */
  thaw(child: SimProcess, calls: OpenCalls | undefined, worker: SimProcess | undefined): void {
    const since = this.#since.get(child)
    if (since === undefined) return
    this.#since.delete(child)
    if (worker?.alive === false) this.#parts.sightings.saw('a frozen child outlived its worker')
    else if (worker !== undefined && calls !== undefined) this.#look({ child, since, calls, worker })
    child.thaw()
  }

  died(child: SimProcess, calls: OpenCalls | undefined): void {
    if (!this.#since.delete(child) || calls === undefined) return
    const limit = limitOf(calls.first?.task ?? '')
    const { now } = this.#parts.world
    if (limit !== undefined && now - calls.firstSince >= 0.98 * limit)
      this.#parts.sightings.saw('a frozen child was ended by a time limit')
  }

  #look(seen: { child: SimProcess; since: SteadyMs; calls: OpenCalls; worker: SimProcess }): void {
    const { child, since, calls, worker } = seen
    const { now } = this.#parts.world
    const { first, firstSince } = calls
    if (!worker.silentSince(Math.min(since, now - BACK)) && since < now - BACK && calls.behind(now - BACK) > 0) {
      const ids = first === undefined ? [] : [first.id]
      throw new Violation('F06', `calls are still ahead of their turn in a child that stood still since ${since}`, ids)
    }
    const limit = limitOf(first?.task ?? '')
    if (first !== undefined && limit !== undefined && !worker.silentSince(firstSince)) {
      const late = now - firstSince - limit
      if (late > LATE)
        throw new Violation('F06', `${first.id} is ${late} ms beyond its time limit in a frozen child`, [first.id])
    }
    for (const execution of this.#parts.journal.executions) {
      if (execution.place === child && execution.end === undefined && !execution.told)
        this.#mustBeHeld(execution, since)
    }
  }

  /** Whatever became of its connection meanwhile, its worker did not give it up. */
  #mustBeHeld({ id, retries, process }: Execution, since: SteadyMs): void {
    const { ledger, sightings } = this.#parts
    const messages = ledger.attempt(id, retries)
    const claims = messages.flatMap(message => message.claims).filter(({ session }) => session.process === process)
    if (claims.some(({ end }) => end === 'open')) sightings.saw('a task stood still and kept its message')
    if (messages.length > 1) return
    const handedBack = claims.find(({ end, endedAt }) => end === 'requeued' && Number(endedAt) > since)
    if (handedBack !== undefined)
      throw new Violation('F06', `${id} was handed back while it stood still in a child`, [id])
  }
}
