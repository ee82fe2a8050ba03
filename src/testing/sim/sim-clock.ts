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

/**
 * True time of a simulated world: a heap of timers, from 0. Nothing really waits; `step` jumps to the next timer and
 * rings it. Whoever drives it lets all microtasks run out between two steps (sim-loop.ts).
 */
export class SimClock {
  readonly #timers = new Heap<SimTimer>(isEarlier)
  readonly #random: SimRandom
  readonly #contexts: boolean
  #now: SteadyMs = 0
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
    for (let timer = this.#timers.peek(); timer !== undefined; timer = this.#timers.peek()) {
      if (timer.ring !== undefined) return timer.due
      this.#timers.pop()
    }
    return undefined
  }

  /** Rings once after `ms`. Negative spans count as 0. */
  schedule(ms: Ms, ring: () => void): Disposable {
    const due = this.#now + Math.max(0, ms)
    const bell = this.#contexts ? inContext(ring) : ring
    const timer = new SimTimer(due, this.#random.next(), this.#order++, bell, this.#gone)
    this.#timers.push(timer)
    this.#pending++
    return timer
  }

  /** Goes to the next timer and rings it; false when there is none. */
  step(): boolean {
    for (let timer = this.#timers.pop(); timer !== undefined; timer = this.#timers.pop()) {
      const ring = timer.take()
      if (ring === undefined) continue
      this.#now = timer.due
      ring()
      return true
    }
    return false
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
