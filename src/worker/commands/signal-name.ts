import { CommandError } from '../../control/command-error.js'

/** Signals that a task may be ended with, by number (S75). */
const SIGNALS: ReadonlyMap<number, string> = new Map([
  [1, 'SIGHUP'],
  [2, 'SIGINT'],
  [3, 'SIGQUIT'],
  [6, 'SIGABRT'],
  [9, 'SIGKILL'],
  [10, 'SIGUSR1'],
  [12, 'SIGUSR2'],
  [15, 'SIGTERM'],
])

const NAMES: ReadonlySet<string> = new Set(SIGNALS.values())

/**
 * `KILL`, `SIGKILL`, `kill` and 9 are `SIGKILL`; nothing is `SIGTERM`. Others: Python's error for a name that is no signal.
 * Source: celery/platforms.py `Signals.signum`.
 */
export function signalName(given: unknown): string {
  if (given === undefined || given === null || given === '') return 'SIGTERM'
  if (typeof given === 'number') {
    const known = SIGNALS.get(given)
    if (known !== undefined) return known
    throw new CommandError('ValueError', `${given} is not a signal that ends a task`)
  }
  if (typeof given !== 'string') throw new CommandError('TypeError', 'signal name must be string.')
  const upper = given.toUpperCase()
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`
  if (NAMES.has(name)) return name
  throw new CommandError('AttributeError', `module 'signal' has no attribute '${name.slice(0, 40)}'`)
}
