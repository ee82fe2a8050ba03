import type { Runtime } from '../lib/runtime.js'
import type { Pool } from '../pools/pool.js'
import type { AutoscalerControl, PoolControl } from './commands/worker-view.js'

export interface PoolControlParts {
  readonly runtime: Runtime
  readonly pool: Pool
  /** Setting `workerMaxConcurrency`. */
  readonly maxConcurrency: number | undefined
  readonly autoscaler: AutoscalerControl | undefined
  /** There are other slots now. */
  resized(): void
}

/** Slots per CPU that remote control may ask for, where no setting says otherwise (S75). */
const PER_CPU = 4

/** The pool as commands see it: they answer before it is done. */
export function poolControl({ runtime, pool, ...parts }: PoolControlParts): PoolControl {
  const { autoscaler, resized } = parts
  const complain = (what: string) => (error: unknown) =>
    runtime.log.error(`The pool was not ${what}: ${error instanceof Error ? error.message : String(error)}`)
  return {
    get size() {
      return pool.size
    },
    get running() {
      return pool.stats().running
    },
    maxSize: parts.maxConcurrency ?? Math.max(PER_CPU * runtime.host.cpus, 2 * pool.stats().initialSize),
    stats: () => pool.stats(),
    resize: size => void pool.resize(size).catch(complain('resized')).then(resized),
    restart: () => void pool.restart().catch(complain('started anew')),
    autoscaler,
  }
}
