import { parseRate } from '../../app/rate.js'
import { rateLimitArguments, timeLimitArguments } from '../../protocol/command-arguments.js'
import type { Dict } from '../../protocol/dict.js'
import { pythonTextRepr } from '../../protocol/python-text-repr.js'
import { limit } from './check.js'
import { rateProblem } from './rate-problem.js'
import type { WorkerView } from './worker-view.js'

const UNKNOWN_TASK = Object.freeze({ error: 'unknown task' })

/** Source of the texts: celery/worker/control.py `rate_limit`. */
export function rateLimit(worker: Pick<WorkerView, 'registry' | 'limits' | 'runtime'>, args: Dict): unknown {
  const { task, rateLimit: wanted } = rateLimitArguments(args)
  if (parseRate(wanted) === undefined) {
    return { error: `Invalid rate limit string: ValueError(${pythonTextRepr(rateProblem(wanted))})` }
  }
  if (typeof task !== 'string' || !worker.registry.tasks.has(task)) return UNKNOWN_TASK
  // parseRate has seen that it is one of these, or nothing.
  worker.limits.setRateLimit(task, (wanted || undefined) as string | number | undefined)
  worker.runtime.log.info(`New rate limit for tasks of type ${task}: ${String(wanted)}.`)
  return { ok: wanted ? 'new rate limit set successfully' : 'rate limit disabled successfully' }
}

/** Both at once: what is missing or null is cleared. */
export function timeLimit(worker: Pick<WorkerView, 'registry' | 'limits' | 'runtime'>, args: Dict): unknown {
  const { task, soft, hard } = timeLimitArguments(args)
  const softLimit = limit(soft, 'soft')
  const hardLimit = limit(hard, 'hard')
  if (typeof task !== 'string' || !worker.registry.tasks.has(task)) return UNKNOWN_TASK
  worker.limits.setTimeLimits(task, softLimit, hardLimit)
  worker.runtime.log.info(`New time limits for tasks of type ${task}: soft=${String(soft)} hard=${String(hard)}`)
  return { ok: 'time limits set successfully' }
}
