import { LovageError } from '../lib/errors.js'

/** A pool cannot do what it was asked for. */
export class PoolError extends LovageError {
  override readonly name = 'PoolError'
}

/** Celery's words. Source: billiard/pool.py `Pool.shrink`. */
export function poolBusy(): PoolError {
  return new PoolError('LVG_POOL_BUSY', "Can't shrink pool. All processes busy!")
}

/** Celery's words. Source: celery/worker/control.py `pool_restart`. */
export function poolRestartsOff(): PoolError {
  return new PoolError('LVG_POOL_RESTARTS', 'Pool restarts not enabled')
}
