import { CommandError } from '../../control/command-error.js'
import type { Dict } from '../../protocol/dict.js'
import { count } from './check.js'
import type { WorkerView } from './worker-view.js'

/** Prefetch follows by itself. Source of the texts: celery/worker/control.py. */
export function poolGrow({ pool }: Pick<WorkerView, 'pool'>, args: Dict): unknown {
  if (pool.autoscaler !== undefined) return autoscaled('pool_grow')
  const by = count(args['n'], 'n', { min: 0, max: Math.max(0, pool.maxSize - pool.size) }, 1)
  pool.resize(pool.size + by)
  return { ok: 'pool will grow' }
}

/** Only slots that are free: billiard refuses likewise. One always stays. */
export function poolShrink({ pool }: Pick<WorkerView, 'pool'>, args: Dict): unknown {
  if (pool.autoscaler !== undefined) return autoscaled('pool_shrink')
  const by = count(args['n'], 'n', { min: 0, max: pool.size - 1 }, 1)
  if (by > pool.size - pool.running) throw new CommandError('ValueError', "Can't shrink pool. All processes busy!")
  pool.resize(pool.size - by)
  return { ok: 'pool will shrink' }
}

export function poolRestart({ pool, settings }: Pick<WorkerView, 'pool' | 'settings'>): unknown {
  if (!settings.workerPoolRestarts) throw new CommandError('ValueError', 'Pool restarts not enabled')
  pool.restart()
  return { ok: 'reload started' }
}

export function autoscale({ pool }: Pick<WorkerView, 'pool'>, args: Dict): unknown {
  const { autoscaler, maxSize } = pool
  if (autoscaler === undefined) throw new CommandError('ValueError', 'Autoscale not enabled')
  const max = count(args['max'], 'max', { min: 1, max: maxSize })
  const min = count(args['min'], 'min', { min: 0, max: max ?? autoscaler.info().max })
  const now = autoscaler.update(max, min)
  return { ok: `autoscale now max=${now.max} min=${now.min}` }
}

function autoscaled(command: string): unknown {
  return { error: `${command} is not supported with autoscale. Adjust autoscale range instead.` }
}
