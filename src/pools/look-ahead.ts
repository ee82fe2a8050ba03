import type { Clock } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { type Child, MAX_AHEAD } from './child.js'
import type { ChildExecution } from './child-execution.js'
import { Pace } from './pace.js'

/** A call that is ahead of its turn goes elsewhere when the one before it has taken so long. */
const PATIENCE: Ms = 10

/**
 * Which calls are sent to busy children ahead of their turn: while calls are quick, the next ones, since otherwise each would
 * cost two changes of process. Those behind a call that takes longer are recalled.
 */
export class LookAhead implements Disposable {
  readonly #clock: Clock
  readonly #children: Iterable<Child>
  readonly #pace = new Pace()
  #timer: Disposable | undefined

  constructor(clock: Clock, children: Iterable<Child>) {
    this.#clock = clock
    this.#children = children
  }

  /** So many calls may be ahead in each child. */
  get depth(): number {
    return this.#pace.isQuick ? MAX_AHEAD : 0
  }

  /** A call has ended. */
  took(time: Ms): void {
    this.#pace.took(time)
  }

  /** The child with the fewest ahead that takes another one. What expires could do so while it is ahead: there is none for it. */
  childFor(execution: ChildExecution): Child | undefined {
    if (!this.#pace.isQuick || execution.call.request.expires !== undefined) return undefined
    let best: Child | undefined
    for (const child of this.#children) {
      if (child.takesAhead(execution) && (best === undefined || child.ahead < best.ahead)) best = child
    }
    if (best !== undefined) this.#watch()
    return best
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  /** While anything is ahead of its turn. */
  #watch(): void {
    this.#timer ??= this.#clock.timer(PATIENCE, () => {
      this.#timer = undefined
      const waiting = [...this.#children].filter(child => child.ahead > 0)
      for (const child of waiting) this.#recallFrom(child)
      if (waiting.length > 0) this.#watch()
    })
  }

  #recallFrom(child: Child): void {
    const now = this.#clock.steady()
    const time = now - (child.execution?.where?.at ?? now)
    if (time < PATIENCE) return
    this.#pace.isAt(time)
    child.recall()
  }
}
