import type { Duration } from '../app/task-options.js'
import { parseDuration } from '../lib/duration.js'
import { ConfigError } from '../lib/errors.js'
import type { Ms } from '../lib/time.js'

/** An option of a worker that is a span. 0 means none, as where nothing is given. Throws `ConfigError` `LVG_BAD_OPTION`. */
export function spanOption(value: Duration | undefined, name: string): Ms | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(value)
  if (ms !== undefined) return ms === 0 ? undefined : ms
  throw new ConfigError('LVG_BAD_OPTION', `\`${name}\` must be seconds or text such as '5m', not ${String(value)}.`)
}
