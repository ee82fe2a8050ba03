import type { LimitKey, TaskLimits } from '../app/rate-limit.js'
import type { PlacesAsk, RateAsk } from '../brokers/limits/limit-store.js'
import type { Ms } from '../lib/time.js'
import type { TaskRequest } from '../protocol/request.js'

/** Under what limits a delivery waits for its turn, beside Celery's rate. */
export interface LimitTerms {
  /** Deliveries with the same one wait in one line. */
  readonly line: string
  readonly rate: RateAsk | undefined
  readonly places: PlacesAsk | undefined
}

/** Longest key that a function may give: it is stored with every state. */
export const MAX_LIMIT_KEY = 512

/**
 * Undefined = none. Keys begin with the task's name, so that two tasks never share a limit by accident.
 * Throws what the user's key function throws, and `TypeError` when it gives no key.
 */
export function limitTerms(
  request: TaskRequest,
  { counted, concurrent }: Pick<TaskLimits, 'counted' | 'concurrent'>,
): LimitTerms | undefined {
  if (counted === undefined && concurrent === undefined) return undefined
  const rate = counted && { key: `rate ${request.task}${suffix(counted.key, request)}`, windows: counted.windows }
  const places = concurrent && {
    key: `places ${request.task}${suffix(concurrent.key, request)}`,
    max: concurrent.max,
  }
  return { line: `${rate?.key ?? ''}\n${places?.key ?? ''}`, rate, places }
}

function suffix(key: LimitKey | undefined, { args, kwargs }: TaskRequest): string {
  if (key === undefined) return ''
  const given = key(args, kwargs)
  if (given === undefined || given === null) return ''
  const text = typeof given === 'number' ? String(given) : given
  if (typeof text === 'string' && text.length <= MAX_LIMIT_KEY) return ` ${text}`
  throw new TypeError(
    `The key of a limit must be text of at most ${MAX_LIMIT_KEY} characters, a number, or null for all.`,
  )
}

/** How long the one behind `before` others would wait if nobody else asked: `mean` is what an execution takes. */
export function termsWait({ rate, places }: LimitTerms, before: number, mean: Ms): Ms {
  let wait = places === undefined ? 0 : Math.floor(before / places.max) * mean
  for (const { max, ms } of rate?.windows ?? []) wait = Math.max(wait, Math.floor(before / max) * ms)
  return wait
}
