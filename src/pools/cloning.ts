import { EncodeError } from '../protocol/errors.js'

/** Runs what copies a value for another process or thread; values that cannot be copied become an `EncodeError`. */
export function cloning<T>(act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message.slice(0, 256) : 'reading it threw'
    throw new EncodeError('', problem, { cause })
  }
}
