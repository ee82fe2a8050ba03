import { ConfigError, LovageError } from '../lib/errors.js'
import { type ExitCode, exitBySignal, type SignalName } from './exit-code.js'

/** `LVG_USAGE`: the command line (or the environment variable that stands for an option) cannot be understood. Nothing was done. */
export class UsageError extends ConfigError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('LVG_USAGE', message, options)
  }
}

/** A command that must end with a particular exit status. */
export class CommandError extends LovageError {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode

  constructor(code: string, message: string, options: { readonly exitCode: ExitCode; readonly cause?: unknown }) {
    super(code, message, options)
    this.exitCode = options.exitCode
  }
}

/** The person (or the system) ended a command by a signal. */
export class Interrupted extends CommandError {
  constructor(signal: SignalName) {
    super('LVG_INTERRUPTED', `Ended by ${signal}.`, { exitCode: exitBySignal(signal) })
  }
}
