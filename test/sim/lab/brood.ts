import type { Ms } from '../../../src/lib/time.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import type { Journal } from '../../../src/testing/sim/journal.js'
import type { ChildWatch } from '../../../src/testing/sim/sim-child.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import type { Sightings } from './sightings.js'

export interface BroodParts {
  readonly world: SimWorld
  readonly journal: Journal
  readonly sightings: Sightings
  /** Children that there should be. */
  readonly size: number
}

interface Chick {
  /** Calls that have come to it and whose end its worker has not heard. */
  open: number
}

/** A dead child's slot is there again within so long (F02). */
const SLOT_BACK: Ms = 2000

/** The children of one life of a worker: kills them, and sees to it that their slots come back. */
export class Brood implements ChildWatch {
  readonly #parts: BroodParts
  readonly #living = new Map<SimProcess, Chick>()
  #worker: SimProcess | undefined
  #deaths = 0
  /** So many calls will have come ahead of their turn, until one takes its child along; 0 = none does. */
  #armed = 0
  #leaves = false

  constructor(parts: BroodParts) {
    this.#parts = parts
  }

  of(worker: SimProcess): void {
    this.#worker = worker
  }

  /** At once, a busy one before others; or as soon as some calls have come ahead of their turn. */
  killOne(amount: number): void {
    if (amount > 8) {
      this.#armed = Math.ceil((amount - 8) / 3)
      return
    }
    const all = [...this.#living]
    const [child] = all.find(([, { open }]) => open > 0) ?? all[0] ?? []
    if (child !== undefined) this.#kill(child)
  }

  /** Nothing may strike any more. */
  spare(): void {
    this.#armed = 0
  }

  /** The worker comes to its end: there need not be any more. */
  leaves(): void {
    this.#leaves = true
  }

  ready(child: SimProcess): void {
    this.#living.set(child, { open: 0 })
  }

  given(child: SimProcess): void {
    const chick = this.#living.get(child)
    if (chick === undefined) return
    chick.open++
    if (chick.open > 1 && this.#armed > 0 && --this.#armed === 0) this.#kill(child)
  }

  heard(child: SimProcess, id: string): void {
    const { journal } = this.#parts
    const chick = this.#living.get(child)
    if (chick !== undefined) chick.open--
    const execution = journal.inChild(child, id)
    if (execution !== undefined) journal.heard(execution)
  }

  died(child: SimProcess): void {
    this.#living.delete(child)
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

  #kill(child: SimProcess): void {
    const { sightings } = this.#parts
    const open = this.#living.get(child)?.open ?? 0
    sightings.saw('a child was killed')
    if (open > 1) sightings.saw('a child was killed with calls ahead of their turn')
    child.kill()
  }

  #mustBeBack(since: number): void {
    const worker = this.#worker
    if (this.#leaves || worker === undefined || !worker.alive || worker.silentSince(since)) return
    const ready = [...this.#living.keys()].filter(child => child.alive).length
    if (ready >= this.#parts.size) return
    throw new Violation('F02', `${worker.name} has ${ready} of ${this.#parts.size} children ${SLOT_BACK} ms later`, [])
  }
}
