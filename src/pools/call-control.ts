import type { State } from '../protocol/result-meta.js'
import type { Call, Interrupt, Outcome } from './pool.js'

/** What a running call may want of its worker. */
export interface CallAsks {
  /** Stores a state of the handler's choosing. */
  storeState(call: Call, state: State, meta: unknown): Promise<void>
  /** Tells whoever observes the worker what the handler has to say. */
  sendEvent(call: Call, type: string, fields: Readonly<Record<string, unknown>>): void
}

/** Runs one call and hands its outcome to `control.end`; never rejects. Given by the worker: a pool knows nothing of tasks. */
export type Execute = (call: Call, control: CallControl) => Promise<void>

/** What user code's surroundings and the pool say to each other during one call, in the place where it runs. */
export interface CallControl {
  /** At most one listener; told at once when an interrupt came before it. */
  onInterrupt(listener: InterruptListener): void
  /** The first one counts: a killed call has ended already. */
  end(outcome: Outcome): void
}

export interface InterruptListener {
  interrupted(reason: Interrupt): void
}
