import type { FromChild, ToChild } from '../child-protocol.js'

/** The child's end of the line to its parent: what the module that runs in a child (a process or a thread) is given. */
export interface ParentLine {
  /** Leaves at once as far as the system takes it. Throws `EncodeError` for what cannot be sent. */
  send(message: FromChild): void
  /** Bytes that wait for the parent to take them. */
  readonly backlog: number
  /**
   * Calls back once, when all that was sent is with the parent, and all that the parent had sent by then has been heard. In
   * no task's context.
   */
  caughtUp(callback: () => void): void
  /** From now on; what came before waits for it. */
  listen(listener: (message: ToChild) => void): void
  /** KiB: of the process, or of the thread's heap. */
  memory(): number
  /** Errors that nobody caught come here instead of ending the child. */
  onStrayError(listener: (error: unknown, how: 'exception' | 'rejection') => void): void
  /** Ends the child, whatever is left open in it, when all that was sent is out. */
  exit(code: number): void
}
