import { AsyncResource } from 'node:async_hooks'
import { Heap } from '../../lib/heap.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { SimRandom } from './sim-random.js'

/** Disposing it takes it back. A class, as a simulation makes one for everything that happens. */
class SimTimer implements Disposable {
  readonly due: SteadyMs
  /** Drawn from the seed: decides between timers that are due together. */
  readonly tie: number
  readonly order: number
  ring: (() => void) | undefined
  readonly #gone: () => void

  constructor(due: SteadyMs, tie: number, order: number, ring: () => void, gone: () => void) {
    this.due = due
    this.tie = tie
    this.order = order
    this.ring = ring
    this.#gone = gone
  }

  /** What is to ring, once. */
  take(): (() => void) | undefined {
    const { ring } = this
    if (ring === undefined) return undefined
    this.ring = undefined
    this.#gone()
    return ring
  }

  [Symbol.dispose](): void {
    this.take()
  }
}

/** Nobody listens for the end of a context, and telling it when one is collected costs more than everything else here. */
const NO_DESTROY_HOOK = { requireManualDestroy: true } as const

/** Timers due within so long stand in a heap of their own: a long run knows from the start of thousands that are due one by one. */
const NEAR: Ms = 10_000

/**
 * True time of a simulated world: a heap of timers, from 0. Nothing really waits; `step` jumps to the next timer and
 * rings it. Whoever drives it lets all microtasks run out between two steps (sim-loop.ts).
 */
export class SimClock {
  /** Due before `#horizon`; all others are in `#far`. */
  readonly #near = new Heap<SimTimer>(isEarlier)
  readonly #far = new Heap<SimTimer>(isEarlier)
  readonly #random: SimRandom
  readonly #contexts: boolean
  #now: SteadyMs = 0
  #horizon: SteadyMs = NEAR
  readonly #gone = (): void => {
    this.#pending--
  }
  #order = 0
  #pending = 0

  /** `contexts`: timers ring in the async context of whoever set them, as Node's do; else in none. */
  constructor(random: SimRandom, { contexts = true }: { readonly contexts?: boolean } = {}) {
    this.#random = random
    this.#contexts = contexts
  }

  get now(): SteadyMs {
    return this.#now
  }

  /** Timers that will ring. */
  get pending(): number {
    return this.#pending
  }

  /** When the next timer rings; undefined when none does. */
  get due(): SteadyMs | undefined {
    for (const heap of [this.#near, this.#far]) {
      for (let timer = heap.peek(); timer !== undefined; timer = heap.peek()) {
        if (timer.ring !== undefined) return timer.due
        heap.pop()
      }
    }
    return undefined
  }

  /** Rings once after `ms`. Negative spans count as 0. */
  schedule(ms: Ms, ring: () => void): Disposable {
    const due = this.#now + Math.max(0, ms)
    const bell = this.#contexts ? inContext(ring) : ring
    const timer = new SimTimer(due, this.#random.next(), this.#order++, bell, this.#gone)
    this.#heapFor(timer).push(timer)
    this.#pending++
    return timer
  }

  /** Goes to the next timer and rings it; false when there is none. */
  step(): boolean {
    for (let timer = this.#next(); timer !== undefined; timer = this.#next()) {
      const ring = timer.take()
      if (ring === undefined) continue
      this.#now = timer.due
      ring()
      return true
    }
    return false
  }

  #heapFor({ due }: SimTimer): Heap<SimTimer> {
    return due < this.#horizon ? this.#near : this.#far
  }

  /** Takes out the earliest, which may have been taken back. */
  #next(): SimTimer | undefined {
    const timer = this.#near.pop()
    if (timer !== undefined) return timer
    const later = this.#far.pop()
    if (later === undefined) return undefined
    this.#horizon = later.due + NEAR
    for (let one = this.#far.peek(); one !== undefined && one.due < this.#horizon; one = this.#far.peek()) {
      this.#far.pop()
      this.#near.push(one)
    }
    return later
  }
}

function inContext(ring: () => void): () => void {
  const context = new AsyncResource('SimTimer', NO_DESTROY_HOOK)
  return () => context.runInAsyncScope(ring)
}

function isEarlier(a: SimTimer, b: SimTimer): boolean {
  if (a.due !== b.due) return a.due < b.due
  if (a.tie !== b.tie) return a.tie < b.tie
  return a.order < b.order
}
