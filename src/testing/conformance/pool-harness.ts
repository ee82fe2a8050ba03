import type { App } from '../../app/app.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { Pool } from '../../pools/pool.js'

/** What an adapter may lack, by the name under which its cases are skipped. */
export type PoolCapability =
  /** Code that does not listen can be ended: its member ends. */
  | 'killing'
  /** A task that ends its process or throws where nobody catches takes nothing else with it. */
  | 'isolation'
  /** Members are processes: signals, output, and what they have started. */
  | 'processes'
  /** Members are replaced: after so many calls, above so much memory, when asked to. */
  | 'renewal'
  /** Values are packed on their way, so some cannot come back. */
  | 'packing'

export interface PoolOptions {
  readonly size: number
  readonly maxTasksPerChild?: number
  /** KiB. */
  readonly maxMemoryPerChild?: number
}

/** A state or an event that running calls told their pool's owner of. */
export type PoolTold =
  | { readonly kind: 'state'; readonly id: string; readonly state: string; readonly meta: unknown }
  | {
      readonly kind: 'event'
      readonly id: string
      readonly type: string
      readonly fields: Readonly<Record<string, unknown>>
    }
  | { readonly kind: 'log'; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

/** Pools for one case. Disposing closes those that are open. */
export interface PoolPlace extends AsyncDisposable {
  /** The longest that a case waits for something. */
  readonly patience: Ms
  /** Lets a moment pass, and everything happen that happens meanwhile. */
  pass(): Promise<void>
  /** Steady. */
  now(): SteadyMs
  /** It has the tasks of `definePoolTasks`, here and in every member of the pools. */
  readonly app: App
  /** What came so far, oldest first. */
  readonly told: readonly PoolTold[]
  /** A pool that has been started. */
  open(options: PoolOptions): Promise<Pool>
}

export interface PoolHarness {
  create(): Promise<PoolPlace>
  /** Capability → why this adapter does without it. Its cases are skipped with that reason. */
  readonly lacks?: Readonly<Partial<Record<PoolCapability, string>>>
}
