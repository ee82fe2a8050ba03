import type { ToChild } from './child-protocol.js'

/** A child as its pool has it: a process or a thread that runs the child's module, whatever becomes of it. */
export interface ChildLine {
  /** Process id, or thread id. */
  readonly id: number
  /** Throws `EncodeError` for what cannot be sent. Nothing happens when the child is gone. */
  send(message: ToChild): void
  /** What was sent is with the child, read or not: nothing waits here. */
  readonly flushed: boolean
  /** Calls back once, when all that the child had sent by now has been received, or is known to be lost. */
  caughtUp(callback: () => void): void
  /** Asks it to end: a process gets the signal, a thread is ended. */
  signal(name: string): void
  /** Ends it, and the processes it has started. */
  destroy(): void
}

export interface ChildListener {
  /** Anything, as it came. */
  received(message: unknown): void
  /** What it sent cannot be read: nothing more will come. */
  garbled(error: unknown): void
  /** It is gone, and all that it has sent was received. At most once. `exit`: how, in Celery's words: `exitcode 1`, `signal 9 (SIGKILL)`. */
  ended(exit: string): void
}

/** Starts a child. Throws when there cannot be another one. */
export type StartChild = (listener: ChildListener) => ChildLine
