import type { SteadyMs } from '../../lib/time.js'
import type { ToChild } from '../../pools/child-protocol.js'

/** A call that its child was sent, and whose outcome the worker has not heard. */
export interface OpenCall {
  readonly number: number
  /** Of the task. */
  readonly id: string
  readonly task: string
  readonly sentAt: SteadyMs
}

/**
 * The calls of one child, as its worker may take them to be by what the two have sent each other (pools/child-protocol.ts). The
 * first may have begun, those behind it have not.
 */
export class OpenCalls {
  readonly #now: () => SteadyMs
  #calls: readonly OpenCall[] = []
  #firstSince: SteadyMs = 0
  /** The last call that a `recall` concerns. */
  #recalled = 0
  #handed = 0

  constructor(now: () => SteadyMs) {
    this.#now = now
  }

  get first(): OpenCall | undefined {
    return this.#calls[0]
  }

  /** When the first one became the first. */
  get firstSince(): SteadyMs {
    return this.#firstSince
  }

  get size(): number {
    return this.#calls.length
  }

  /** Calls that it was sent and that did not come back, ended or not. */
  get handed(): number {
    return this.#handed
  }

  /** Calls behind the first that were sent before that instant. */
  behind(before: SteadyMs): number {
    return this.#calls.slice(1).filter(({ sentAt }) => sentAt < before).length
  }

  sent({ call, task }: ToChild & { readonly kind: 'call' }): void {
    const { headers } = task
    const open = { number: call, id: String(headers['id']), task: String(headers['task']), sentAt: this.#now() }
    this.#handed++
    this.#become([...this.#calls, open])
  }

  recall(): void {
    this.#recalled = Math.max(0, ...this.#calls.map(({ number }) => number))
  }

  /** Everything that the child had sent by the last `recall` is there. Gives how many came back. */
  caughtUp(): number {
    return this.#return(({ number }) => number !== this.first?.number && number <= this.#recalled)
  }

  /** The child has answered the last `recall`. Gives how many came back. */
  answered(begun: number): number {
    return this.#return(({ number }) => number > begun && number <= this.#recalled)
  }

  /** Its outcome is there. */
  ended(number: number): OpenCall | undefined {
    const ended = this.#calls.find(call => call.number === number)
    this.#become(this.#calls.filter(call => call !== ended))
    return ended
  }

  #return(comesBack: (call: OpenCall) => boolean): number {
    const stay = this.#calls.filter(call => !comesBack(call))
    const count = this.#calls.length - stay.length
    this.#handed -= count
    this.#become(stay)
    return count
  }

  #become(calls: readonly OpenCall[]): void {
    if (calls[0]?.number !== this.first?.number) this.#firstSince = this.#now()
    this.#calls = calls
  }
}
