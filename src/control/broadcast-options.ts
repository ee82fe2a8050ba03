import { parseDuration } from '../lib/duration.js'
import { ConfigError } from '../lib/errors.js'
import type { Ms } from '../lib/time.js'

/** Whom to ask, and how long. */
export interface AskOptions {
  /** Node names; default all nodes. */
  readonly destination?: string | readonly string[] | undefined
  /** Nodes whose names match; read with `matcher`. Not beside `destination`. */
  readonly pattern?: string | undefined
  /** How `pattern` is read: as a shell pattern (the default), or as a regular expression from the beginning of the name. */
  readonly matcher?: 'glob' | 'pcre' | undefined
  /** Longest wait for the first reply, and from each to the next; default 1 s. */
  readonly timeout?: number | string | undefined
  /** Replies after which no more are waited for. Default: the number of destinations, or at most 10,000. */
  readonly limit?: number | undefined
  /** Told of each reply as it comes. */
  readonly onReply?: ((node: string, reply: unknown) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface BroadcastOptions extends AskOptions {
  /** Wait for replies, and give them. Default false: resolves when the broker has the command. */
  readonly reply?: boolean | undefined
}

export interface ResolvedAsk {
  readonly destination: readonly string[] | undefined
  readonly pattern: string | undefined
  readonly matcher: string | undefined
  readonly timeout: Ms
  readonly limit: number | undefined
}

const TIMEOUT: Ms = 1000

/** Throws `LVG_BAD_OPTION`. */
export function resolveAsk(options: AskOptions): ResolvedAsk {
  const { destination, pattern, matcher = 'glob', limit } = options
  const names = typeof destination === 'string' ? [destination] : destination
  if (names !== undefined && !(Array.isArray(names) && names.every(isText))) {
    throw bad('destination', 'a node name or a list of them', destination)
  }
  if (pattern !== undefined && !isText(pattern)) throw bad('pattern', 'text', pattern)
  if (matcher !== 'glob' && matcher !== 'pcre') throw bad('matcher', "'glob' or 'pcre'", matcher)
  if (pattern !== undefined && names !== undefined && names.length > 0) {
    throw bad('pattern', 'left out where `destination` names nodes', pattern)
  }
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw bad('limit', 'a whole number, 1 or more', limit)
  const timeout = options.timeout === undefined ? TIMEOUT : parseDuration(options.timeout)
  if (timeout === undefined) throw bad('timeout', "seconds, or text such as '500ms'", options.timeout)
  // An empty list addresses nobody by name, as in Celery: everybody is meant.
  const named = names === undefined || names.length === 0 ? undefined : names
  return { destination: named, pattern, matcher: pattern === undefined ? undefined : matcher, timeout, limit }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function bad(option: string, expected: string, given: unknown): ConfigError {
  return new ConfigError('LVG_BAD_OPTION', `Remote control: \`${option}\` must be ${expected}, not ${shown(given)}.`)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 64)}'` : String(value).slice(0, 64)
}
