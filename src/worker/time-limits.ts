import type { Settings } from '../app/settings.js'
import { ConfigError } from '../lib/errors.js'
import type { Ms } from '../lib/time.js'
import type { PoolKind } from '../pools/pool.js'
import { spanOption } from './span-option.js'
import type { WorkerOptions } from './worker-options.js'

/** Limits of a worker, for what has none of its own. */
export interface TimeLimits {
  readonly soft: Ms | undefined
  readonly hard: Ms | undefined
}

/** The options', or else the settings'. Throws `ConfigError` `LVG_BAD_OPTION`, `LVG_POOL_TIME_LIMIT`. */
export function timeLimitsOf(
  { softTimeLimit, timeLimit }: Pick<WorkerOptions, 'softTimeLimit' | 'timeLimit'>,
  settings: Pick<Settings, 'taskSoftTimeLimit' | 'taskTimeLimit'>,
  pool: PoolKind,
): TimeLimits {
  const limits: TimeLimits = {
    soft: spanOption(softTimeLimit, 'softTimeLimit') ?? settings.taskSoftTimeLimit,
    hard: spanOption(timeLimit, 'timeLimit') ?? settings.taskTimeLimit,
  }
  if (pool === 'inline' && timeLimit !== undefined) throw cannotKill()
  return limits
}

/** H46: not even for all tasks can it do what it is asked for. A limit of a task or message ends with the task abandoned. */
function cannotKill(): ConfigError {
  return new ConfigError(
    'LVG_POOL_TIME_LIMIT',
    'The inline pool cannot end a task at a hard time limit (--time-limit, `timeLimit`): its code shares the process with all others. Use --pool prefork or threads, or a soft limit (--soft-time-limit).',
  )
}
