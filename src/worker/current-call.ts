import type { CallControl, InterruptListener } from '../pools/call-control.js'
import type { Call, Interrupt, Outcome } from '../pools/pool.js'

/** The call that runs in a child now. */
export class CurrentCall implements CallControl {
  readonly number: number
  readonly call: Call
  readonly #tell: (outcome: Outcome) => void
  #interrupt: Interrupt | undefined
  #listener: InterruptListener | undefined

  constructor(number: number, call: Call, tell: (outcome: Outcome) => void) {
    this.number = number
    this.call = call
    this.#tell = tell
  }

  onInterrupt(listener: InterruptListener): void {
    this.#listener = listener
    if (this.#interrupt !== undefined) listener.interrupted(this.#interrupt)
  }

  interrupt(reason: Interrupt): void {
    this.#interrupt = reason
    this.#listener?.interrupted(reason)
  }

  end(outcome: Outcome): void {
    this.#tell(outcome)
  }
}
