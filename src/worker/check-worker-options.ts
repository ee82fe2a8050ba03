import { readAutoscale } from '../app/autoscale-range.js'
import { ConfigError } from '../lib/errors.js'
import { suggest } from '../lib/suggest.js'
import type { WorkerOptions } from './worker-options.js'

type Check = readonly [holds: (value: unknown) => boolean, expects: string]

const TEXT: Check = [value => typeof value === 'string', 'text']
const TEXTS: Check = [value => Array.isArray(value) && value.every(item => typeof item === 'string'), 'a list of names']
const YES_NO: Check = [value => typeof value === 'boolean', 'true or false']
/** Spans are read, and refused, where they are used. */
const SPAN: Check = [() => true, '']

const FLAG: Check = [value => typeof value === 'boolean', 'true or false']

const CHECKS: Readonly<Record<keyof WorkerOptions, Check>> = {
  name: TEXT,
  queues: TEXTS,
  excludeQueues: TEXTS,
  concurrency: [value => Number.isInteger(value) && (value as number) >= 1, 'a whole number, 1 or more'],
  autoscale: [value => readAutoscale(value) !== undefined, "two whole numbers, most and fewest slots: '10,1'"],
  pool: TEXT,
  module: [value => typeof value === 'string' || value instanceof URL, 'the path or URL of a file'],
  prefetchMultiplier: [value => Number.isInteger(value) && (value as number) >= 0, 'a whole number, 0 or more'],
  softTimeLimit: SPAN,
  timeLimit: SPAN,
  withoutGossip: FLAG,
  withoutMingle: FLAG,
  withoutHeartbeat: FLAG,
  heartbeatInterval: SPAN,
  purge: FLAG,
  health: TEXT,
  exitOnStall: YES_NO,
}

/** A worker with a mistyped option would run, and do something else. Throws `LVG_UNKNOWN_OPTION`, `LVG_BAD_OPTION`. */
export function checkWorkerOptions(options: WorkerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) throw unknownOption(name)
    const [holds, expects] = CHECKS[name as keyof WorkerOptions]
    if (value === undefined || holds(value)) continue
    const shown = typeof value === 'string' ? `'${value.slice(0, 80)}'` : String(value)
    throw new ConfigError('LVG_BAD_OPTION', `Worker option \`${name}\` must be ${expects}; it is ${shown}.`)
  }
}

function unknownOption(name: string): ConfigError {
  const near = suggest(name, Object.keys(CHECKS))
  const hint = near === undefined ? '' : ` Did you mean \`${near}\`?`
  return new ConfigError('LVG_UNKNOWN_OPTION', `Unknown worker option \`${name}\`.${hint}`)
}
