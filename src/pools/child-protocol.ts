import type { LogFields, LogLevel } from '../lib/runtime.js'
import type { Headers, Properties } from '../protocol/message.js'
import type { State } from '../protocol/result-meta.js'
import type { Packed } from './packed-value.js'
import type { Call, Interrupt } from './pool.js'

/*
 * What parent and child of a pool say to each other. Children compute; the parent speaks: acks, results, events and
 * retries are the parent's, so however a child ends, one place decides what becomes of its message.
 *
 *   parent                         child
 *          ── boot ──────────────▶        loads the app
 *          ◀── alive, ready|unfit ─
 *          ── call ──────────────▶        runs the handler
 *          ── interrupt ─────────▶        fires its AbortSignal
 *          ◀── state, event, log ──       while it runs
 *          ── stored ────────────▶        answers `state`
 *          ◀── outcome ────────────
 *          ── recall ────────────▶        drops the calls that it has not begun
 *          ◀── recalled ───────────
 *          ── leave ─────────────▶        ends by itself
 *
 * One call at a time runs; quick ones are sent ahead of their turn. Before a child begins the next it has sent the outcome
 * of the last, all of it, and has heard everything that had been sent to it by then. So a parent that has sent `recall`,
 * and has then received all that had been sent to it by then, knows: the first call without an outcome may run, those
 * behind it never will. That is how a signal never hits another task than the one it is meant for, and how calls behind one
 * that takes long go elsewhere, even when the child's event loop is blocked. Values of the user's are packed
 * (packed-value.ts). On the way messages are frames (child-frames.ts), whatever carries them.
 */
export type ToChild =
  /** First of all; what the child's module is to know. */
  | { readonly kind: 'boot'; readonly boot: unknown }
  | { readonly kind: 'call'; readonly call: number; readonly task: ChildCall }
  | { readonly kind: 'interrupt'; readonly call: number; readonly reason: Interrupt }
  /** Answers `state`. `error`: why it was not stored. */
  | { readonly kind: 'stored'; readonly ask: number; readonly error: string | undefined }
  /** Calls that came before this and have not begun are not to be begun. */
  | { readonly kind: 'recall' }
  | { readonly kind: 'leave' }

export type FromChild =
  /** Its own code runs; the user's is still to be loaded. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'ready' }
  /** The user's modules cannot be loaded; an error's code and message. It ends by itself. */
  | { readonly kind: 'unfit'; readonly code: string; readonly message: string }
  /**
   * `outcome`: a packed `Outcome`. `memory`: KiB it takes up now, when that is limited. `leaves`: it is not fit for another
   * call and ends by itself.
   */
  | {
      readonly kind: 'outcome'
      readonly call: number
      readonly outcome: Packed
      readonly memory: number | undefined
      readonly leaves: boolean
    }
  /** Answers `recall`. `begun`: the number of the last call that was begun. */
  | { readonly kind: 'recalled'; readonly begun: number }
  /** A state of the handler's choosing, to be stored and answered. */
  | {
      readonly kind: 'state'
      readonly call: number
      readonly ask: number
      readonly state: State
      readonly meta: Packed
    }
  /** Something the handler tells whoever observes the worker. */
  | { readonly kind: 'event'; readonly call: number; readonly type: string; readonly fields: Packed }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }

/** A call as it travels: the child reads the message itself, as every worker does, so that all values arrive whole. */
export interface ChildCall extends Omit<Call, 'request'> {
  readonly headers: Headers
  readonly properties: Properties
  /** Text holds a byte in each letter (latin1): nothing is copied as fast as that, while it is short. */
  readonly body: string | Uint8Array
  /** As the parent reckoned it when the message came. */
  readonly expires: number | undefined
}
