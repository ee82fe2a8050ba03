import { parseDuration } from '../lib/duration.js'
import { badOption, unknownOption } from './call-options.js'
import { deliveryMode, SETTING_READERS } from './setting-types.js'
import { countsInWorker, isRateLimit, MAX_CONCURRENT } from './task-limits.js'
import type { TaskOptions } from './task-options.js'

type Check = readonly [holds: (value: unknown) => boolean, expects: string]

const FLAG: Check = [value => typeof value === 'boolean', 'true or false']
const TEXT: Check = [value => typeof value === 'string', 'text']
const SPAN: Check = [value => parseDuration(value) !== undefined, "a span: seconds, or text such as '5s'"]
const ERRORS: Check = [
  value => Array.isArray(value) && value.every(item => typeof item === 'function'),
  'a list of error classes',
]
const isWhole = (value: unknown, from: number): boolean => Number.isInteger(value) && (value as number) >= from

const CHECKS: Readonly<Record<keyof TaskOptions, Check>> = {
  acksLate: FLAG,
  acksOnFailure: FLAG,
  acksOnTimeout: FLAG,
  acksOnFailureOrTimeout: FLAG,
  rejectOnWorkerLost: FLAG,
  maxDeliveries: [value => isWhole(value, 1), 'a whole number, 1 or more'],
  maxRetries: [value => isWhole(value, 0), 'a whole number, 0 or more, or null for no limit'],
  defaultRetryDelay: SPAN,
  autoretryFor: ERRORS,
  dontAutoretryFor: ERRORS,
  retryBackoff: [
    value => typeof value === 'boolean' || (Number.isFinite(value) && (value as number) >= 0),
    'true, false or seconds',
  ],
  retryBackoffMax: SPAN,
  retryJitter: FLAG,
  timeLimit: SPAN,
  softTimeLimit: SPAN,
  rateLimit: [isRateLimit, `${SETTING_READERS.rate.expects}; several of these, or { limit, scope, key }`],
  maxConcurrent: [
    value => isWhole(value, 1) && (value as number) <= MAX_CONCURRENT,
    `a whole number, 1 to ${MAX_CONCURRENT}`,
  ],
  concurrencyKey: [value => typeof value === 'function', 'a function of arguments and keyword arguments'],
  ignoreResult: FLAG,
  storeErrorsEvenIfIgnored: FLAG,
  trackStarted: FLAG,
  resultExpires: [SPAN[0], `${SPAN[1]}, or null for ever`],
  serializer: TEXT,
  compression: TEXT,
  queue: TEXT,
  exchange: TEXT,
  routingKey: TEXT,
  priority: [value => isWhole(value, 0) && (value as number) <= 255, 'a whole number, 0 to 255'],
  expires: SPAN,
  deliveryMode: [value => deliveryMode(value) !== undefined, SETTING_READERS['delivery-mode'].expects],
  params: [
    value => Array.isArray(value) && value.every(item => typeof item === 'string'),
    "a list of the names of the handler's parameters",
  ],
  errback: [value => value === 'id' || value === 'inline', "'id' or 'inline'"],
  trail: FLAG,
  sendEvents: FLAG,
  description: TEXT,
}

/** A limit that cannot be read must not mean "no limit"; null is as good as absent. Throws `LVG_UNKNOWN_OPTION`, `LVG_BAD_OPTION`. */
export function checkTaskOptions(task: string, options: TaskOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) throw unknownOption(task, name, Object.keys(CHECKS))
    const [holds, expects] = CHECKS[name as keyof TaskOptions]
    if (value !== undefined && value !== null && !holds(value)) throw badOption(task, name, expects, value)
  }
  // Each would be asked for at another place, and one held while the other is waited for.
  if (typeof options.maxConcurrent === 'number' && countsInWorker(options.rateLimit)) {
    throw badOption(
      task,
      'rateLimit',
      "counted by the cluster beside `maxConcurrent`: { limit, scope: 'cluster' }",
      options.rateLimit,
    )
  }
}
