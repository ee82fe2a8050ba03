import { type Deferred, deferred } from '../lib/deferred.js'
import type { Clock } from '../lib/runtime.js'
import type { SteadyMs } from '../lib/time.js'
import type { ToChild } from './child-protocol.js'
import { killedOutcome } from './killed-outcome.js'
import type { Call, Execution, Interrupt, Outcome, Where } from './pool.js'

/** The child it runs in, as far as the execution needs to know. */
export interface Runner {
  readonly id: number
  send(message: ToChild): void
  kill(signal: string): void
  /** Calls that are ahead of their turn come back. */
  recall(): void
}

/**
 * A call on its way through a pool of children. Modes: *waiting* for a child, *ahead* of its turn in one, from where it may
 * come back, *begun*, *ended*.
 */
export class ChildExecution implements Execution {
  readonly call: Call
  readonly outcome: Promise<Outcome>
  /** Of the call, within its child. */
  number = 0
  /** False: it waited for too long. */
  readonly isWanted: () => boolean
  /** No child was there for it at once. */
  hasWaited = false
  readonly #clock: Clock
  readonly #released: (execution: ChildExecution) => void
  readonly #since: SteadyMs
  #settle: (outcome: Outcome) => void = () => undefined
  #where: Where | undefined
  #accepted: Deferred<Where> | undefined
  /** Whose it is, begun or ahead. */
  #child: Runner | undefined
  /** The signal that it was to be killed by while it was ahead. */
  #killed: string | undefined
  #interrupt: Interrupt | undefined
  #ended = false

  /** `released` is called once, when it has ended in whichever way. */
  constructor(call: Call, isWanted: () => boolean, clock: Clock, released: (execution: ChildExecution) => void) {
    this.call = call
    this.isWanted = isWanted
    this.#clock = clock
    this.#released = released
    this.#since = clock.steady()
    this.outcome = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  get where(): Where | undefined {
    return this.#where
  }

  get accepted(): Promise<Where> {
    if (this.#where !== undefined) return Promise.resolve(this.#where)
    this.#accepted ??= deferred()
    return this.#accepted.promise
  }

  get isEnded(): boolean {
    return this.#ended
  }

  interrupt(reason: Interrupt): void {
    if (this.#ended) return
    this.#interrupt = reason
    if (this.#where !== undefined) this.#child?.send({ kind: 'interrupt', call: this.number, reason })
  }

  kill(signal: string): void {
    if (this.#ended) return
    if (this.#child === undefined) this.lost(`signal ${signal}`)
    else if (this.#where !== undefined) this.#child.kill(signal)
    else {
      this.#killed = signal
      this.#child.recall()
    }
  }

  /** With a child, which has it by now or is gone; others come before it. */
  ahead(child: Runner, number: number): void {
    this.#child = child
    this.number = number
  }

  /** The child it is with has nothing else to do. */
  begun(child: Runner): void {
    this.#where = { pid: child.id, at: this.#clock.steady() }
    this.#accepted?.resolve(this.#where)
    if (this.#interrupt !== undefined) child.send({ kind: 'interrupt', call: this.number, reason: this.#interrupt })
    if (this.#killed !== undefined) child.kill(this.#killed)
  }

  /** The child did not begin it. */
  back(): void {
    this.#child = undefined
    if (this.#where !== undefined) this.#accepted = undefined
    this.#where = undefined
    if (this.#killed !== undefined) this.lost(`signal ${this.#killed}`)
  }

  /** Its child is gone, or it was killed before it had one. */
  lost(exit: string): void {
    this.end({ ...killedOutcome(this.#interrupt, exit), children: [], runtime: this.#clock.steady() - this.#since })
  }

  /** The first one counts. */
  end(outcome: Outcome): void {
    if (this.#ended) return
    this.#ended = true
    this.#child = undefined
    this.#released(this)
    this.#settle(outcome)
  }
}
