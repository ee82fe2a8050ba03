import { CommandError } from '../../control/command-error.js'
import { pythonRepr } from '../../protocol/python-repr.js'

/**
 * What Python's `rate` says of a rate limit that it cannot read: the text of its `ValueError`; for an unknown unit it raises
 * `KeyError`. Source: celery/utils/time.py `rate`.
 */
export function rateProblem(given: unknown): string {
  if (typeof given !== 'string') return `a rate cannot be ${pythonRepr(given, 100)}`
  const slash = given.indexOf('/')
  const unit = slash < 0 ? '' : given.slice(slash + 1)
  if (unit !== '' && !['s', 'm', 'h'].includes(unit)) throw new CommandError('KeyError', unit.slice(0, 40))
  return `could not convert string to float: ${pythonRepr(slash < 0 ? given : given.slice(0, slash), 100)}`
}
