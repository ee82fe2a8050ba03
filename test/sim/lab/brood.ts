import type { Ms, SteadyMs } from '../../../src/lib/time.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import type { Journal } from '../../../src/testing/sim/journal.js'
import type { Ledger } from '../../../src/testing/sim/ledger.js'
import type { OpenCalls } from '../../../src/testing/sim/open-calls.js'
import type { ChildWatch } from '../../../src/testing/sim/sim-child.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { limitOf } from './behaviours.js'
import { Frozen } from './frozen.js'
import type { Sightings } from './sightings.js'

export interface BroodParts {
  readonly world: SimWorld
  readonly journal: Journal
  readonly ledger: Ledger
  readonly sightings: Sightings
  /** Children that there should be. */
  readonly size: number
  /** A child is replaced after so many tasks; undefined = never. */
  readonly maxTasks: number | undefined
}

interface Chick {
  readonly calls: OpenCalls
  /** Calls that have come to it and whose end its worker has not heard. */
  open: number
  /** Tasks that it has come to the end of. */
  ran: number
}

type Act = (child: SimProcess) => void

/** Strikes a child as soon as so many calls have come ahead of their turn. */
interface Trap {
  readonly how: 'kill' | 'freeze'
  readonly act: Act
  left: number
}

/** A dead child's slot is there again within so long (F02). */
const SLOT_BACK: Ms = 2000

/** The share of a time limit that must have passed by any clock. */
const FAST = 0.98

/** Of a fault: the next child that is at something that takes time is struck. */
export const AT_WORK = 0

/** What is not over after so long takes time. */
const QUICK: Ms = 2

/** The children of one life of a worker: kills them and freezes them, and sees to it that their slots come back. */
export class Brood implements ChildWatch {
  readonly #parts: BroodParts
  readonly #living = new Map<SimProcess, Chick>()
  readonly #frozen: Frozen
  #traps: readonly Trap[] = []
  /** Each strikes the next child that is at something that takes time. */
  readonly #atWork: Act[] = []
  #worker: SimProcess | undefined
  #deaths = 0
  #leaves = false

  constructor(parts: BroodParts) {
    this.#parts = parts
    this.#frozen = new Frozen(parts)
  }

  of(worker: SimProcess): void {
    this.#worker = worker
  }

  /** At once, a busy one before others; or as soon as one is at something that takes time, or some calls have come ahead of their turn. */
  killOne(amount: number): void {
    const act: Act = child => this.#kill(child)
    if (amount === AT_WORK) this.#atWork.push(act)
    else if (amount > 8) this.#arm({ how: 'kill', act, left: Math.ceil((amount - 8) / 3) })
    else this.#strike(({ open }) => open > 0, act)
  }

  /** As `killOne`. It thaws after so long. */
  freezeOne(amount: number, lasts: Ms): void {
    const act: Act = child => this.#freeze(child, lasts)
    if (amount > 12) this.#arm({ how: 'freeze', act, left: Math.ceil((amount - 12) / 3) })
    else if (amount > 4 || amount === AT_WORK) this.#atWork.push(act)
    else this.#strike(({ calls }) => calls.size > 0, act)
  }

  /** Nothing may strike any more, and nobody stands still. */
  spare(): void {
    this.#traps = []
    this.#atWork.length = 0
    for (const child of this.#frozen.all) this.#thaw(child)
  }

  /** The machine's power goes off. Its worker is dead; those that stood still have not noticed. */
  powerOff(): void {
    for (const child of this.#frozen.all) child.kill()
  }

  /** The worker comes to its end: there need not be any more. */
  leavesAll(): void {
    this.#leaves = true
  }

  ready(child: SimProcess, calls: OpenCalls): void {
    this.#living.set(child, { calls, open: 0, ran: 0 })
  }

  given(child: SimProcess): void {
    const chick = this.#living.get(child)
    if (chick === undefined) return
    chick.open++
    if (chick.calls.handed === this.#parts.maxTasks && chick.calls.size > 1)
      this.#parts.sightings.saw('a child was given its last task ahead of its turn')
    if (this.#atWork.length > 0) this.#lookAgain(child, chick.calls)
    if (chick.open < 2) return
    for (const trap of this.#traps) {
      if (--trap.left > 0) continue
      this.#traps = this.#traps.filter(other => other !== trap)
      trap.act(child)
    }
  }

  heard(child: SimProcess, id: string): void {
    const { journal } = this.#parts
    const chick = this.#living.get(child)
    const execution = journal.inChild(child, id)
    if (execution !== undefined) journal.heard(execution)
    if (chick === undefined) return
    chick.open--
    chick.ran++
    this.#mustHaveRoom(child, chick.ran)
  }

  cameBack(child: SimProcess): void {
    if (child.state === 'frozen') this.#parts.sightings.saw('calls came back from a frozen child')
  }

  leaves(child: SimProcess): void {
    const { journal, maxTasks, sightings, world } = this.#parts
    const chick = this.#living.get(child)
    const running = journal.executions.find(one => one.place === child && one.end === undefined && !one.lost)
    const left = running?.id ?? chick?.calls.first?.id
    if (left !== undefined) {
      const wrong = new Violation('H44', `a child was told to leave, and ${left} was its to run`, [left])
      // Thrown here it would become the child's own.
      world.after(0, () => {
        throw wrong
      })
    }
    if (maxTasks === undefined || this.#leaves || chick === undefined) return
    sightings.saw(chick.ran < maxTasks ? 'a child retired early, as calls had come back' : 'a child retired')
  }

  struck(child: SimProcess): void {
    const { first, firstSince } = this.#living.get(child)?.calls ?? {}
    const limit = limitOf(first?.task ?? '')
    if (this.#leaves || first === undefined || firstSince === undefined || limit === undefined) return
    const ran = this.#parts.world.now - firstSince
    if (ran < FAST * limit) throw new Violation('I11', `${first.id} was ended after ${ran} of ${limit} ms`, [first.id])
  }

  died(child: SimProcess): void {
    const calls = this.#living.get(child)?.calls
    this.#living.delete(child)
    this.#frozen.died(child, calls)
    const [deaths, { world }] = [++this.#deaths, this.#parts]
    const at = world.now
    world.after(SLOT_BACK, () => {
      // Those that died since have their own time.
      if (deaths === this.#deaths) this.#mustBeBack(at)
    })
  }

  gone(child: SimProcess, first: string | undefined): void {
    const { journal, sightings } = this.#parts
    if (first !== undefined) journal.doubts.add(first)
    if (journal.lose(child).length > 0) sightings.saw('a task was lost with its child')
  }

  #lookAgain(child: SimProcess, calls: OpenCalls): void {
    const { first } = calls
    this.#parts.world.after(QUICK, () => {
      if (calls.first === first && child.state === 'running') this.#atWork.shift()?.(child)
    })
  }

  /** One of each kind: the next takes its place. */
  #arm(trap: Trap): void {
    this.#traps = [...this.#traps.filter(({ how }) => how !== trap.how), trap]
  }

  #strike(isBusy: (chick: Chick) => boolean, act: Act): void {
    const all = [...this.#living]
    const [child] = all.find(([, chick]) => isBusy(chick)) ?? all[0] ?? []
    if (child !== undefined) act(child)
  }

  #kill(child: SimProcess): void {
    const { sightings } = this.#parts
    const open = this.#living.get(child)?.open ?? 0
    sightings.saw('a child was killed')
    if (open > 1) sightings.saw('a child was killed with calls ahead of their turn')
    child.kill()
  }

  #freeze(child: SimProcess, lasts: Ms): void {
    const { sightings, world } = this.#parts
    if (child.state !== 'running') return
    sightings.saw('a child was frozen')
    if ((this.#living.get(child)?.calls.size ?? 0) > 1)
      sightings.saw('a child was frozen with calls ahead of their turn')
    this.#frozen.freeze(child)
    world.after(lasts, () => this.#thaw(child))
  }

  #thaw(child: SimProcess): void {
    const chick = this.#living.get(child)
    const worker = this.#leaves ? undefined : this.#worker
    this.#frozen.thaw(child, chick?.calls, worker)
  }

  #mustHaveRoom(child: SimProcess, ran: number): void {
    const { maxTasks } = this.#parts
    if (maxTasks === undefined || ran <= maxTasks) return
    throw new Violation(
      'H44',
      `${child.name} ${child.runtime.host.pid} ran ${ran} tasks; it was to run ${maxTasks}`,
      [],
    )
  }

  #mustBeBack(since: SteadyMs): void {
    const worker = this.#worker
    if (this.#leaves || worker === undefined || !worker.alive || worker.silentSince(since)) return
    const ready = [...this.#living.keys()].filter(child => child.alive).length
    if (ready >= this.#parts.size) return
    throw new Violation('F02', `${worker.name} has ${ready} of ${this.#parts.size} children ${SLOT_BACK} ms later`, [])
  }
}
