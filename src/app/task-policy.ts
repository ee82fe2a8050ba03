import { parseDuration } from '../lib/duration.js'
import type { Ms } from '../lib/time.js'
import { chordLife } from './chord-life.js'
import type { Settings } from './settings.js'
import { taskLimits } from './task-limits.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'

/** Celery's class defaults, which are no settings. Source: celery/app/task.py:Task. */
const MAX_RETRIES = 3
const DEFAULT_RETRY_DELAY: Ms = 180_000
const RETRY_BACKOFF_MAX: Ms = 600_000

/** What the worker decides by: a task's options over the settings, every span in ms. */
export function taskPolicy(options: TaskOptions, settings: Settings): TaskPolicy {
  const both = options.acksOnFailureOrTimeout
  const fallback = settings.taskAcksOnFailureOrTimeout
  return {
    acksLate: options.acksLate ?? settings.taskAcksLate,
    acksOnFailure: options.acksOnFailure ?? both ?? settings.taskAcksOnFailure ?? fallback,
    acksOnTimeout: options.acksOnTimeout ?? both ?? settings.taskAcksOnTimeout ?? fallback,
    rejectOnWorkerLost: options.rejectOnWorkerLost ?? settings.taskRejectOnWorkerLost ?? false,
    maxDeliveries: options.maxDeliveries ?? settings.taskMaxDeliveries,
    maxRetries: options.maxRetries === undefined ? MAX_RETRIES : options.maxRetries,
    defaultRetryDelay: parseDuration(options.defaultRetryDelay) ?? DEFAULT_RETRY_DELAY,
    retryBackoff: backoffFactor(options.retryBackoff),
    retryBackoffMax: parseDuration(options.retryBackoffMax) ?? RETRY_BACKOFF_MAX,
    retryJitter: options.retryJitter ?? true,
    timeLimit: limit(options.timeLimit, settings.taskTimeLimit),
    softTimeLimit: limit(options.softTimeLimit, settings.taskSoftTimeLimit),
    ignoreResult: options.ignoreResult ?? settings.taskIgnoreResult,
    storeErrorsEvenIfIgnored: options.storeErrorsEvenIfIgnored ?? settings.taskStoreErrorsEvenIfIgnored,
    trackStarted: options.trackStarted ?? settings.taskTrackStarted,
    resultExpires: expiry(options, settings),
    chordLife: chordLife(settings),
    resultExtended: settings.resultExtended,
    trail: options.trail ?? true,
    sendEvents: options.sendEvents ?? true,
    limits: taskLimits(options, settings),
  }
}

/** Whole seconds, at least 1. Source: celery/app/autoretry.py. */
function backoffFactor(backoff: boolean | number | undefined): number | undefined {
  if (backoff === undefined || backoff === false || backoff === 0) return undefined
  return backoff === true ? 1 : Math.max(1, Math.trunc(backoff))
}

/** 0 means none, as in Celery. */
function limit(own: unknown, setting: Ms | undefined): Ms | undefined {
  const span = parseDuration(own) ?? setting
  return span === 0 ? undefined : span
}

/** Null and 0 mean: kept for ever. */
function expiry(options: TaskOptions, settings: Settings): Ms | undefined {
  const span = options.resultExpires === undefined ? settings.resultExpires : parseDuration(options.resultExpires)
  return span === 0 ? undefined : span
}
