/**
 * What the command's exit status says (D80). A run ended by a signal before it could end by itself exits with
 * 128 + the signal's number.
 */
export const EXIT = {
  ok: 0,
  error: 1,
  /** Wrong use or configuration: a person has to change something before trying again. */
  usage: 2,
  /** The broker or result backend cannot be reached. */
  unavailable: 69,
  /** Another live process holds the pid file. */
  pidFileHeld: 73,
  /** Reading or writing failed, or a store is damaged. */
  io: 74,
  /** The worker stalled and was told to end then (`--exit-on-stall`). */
  stalled: 75,
} as const

export type ExitCode = number

/** Numbers of the signals that `lovage` listens to, as POSIX systems have them. */
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15, SIGUSR1: 10, SIGUSR2: 12 } as const

export type SignalName = keyof typeof SIGNAL_NUMBERS

/** `SIGTERM` → 143. */
export function exitBySignal(signal: SignalName): ExitCode {
  return 128 + SIGNAL_NUMBERS[signal]
}
