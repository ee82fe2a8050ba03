import type { Settings } from '../app/settings.js'
import { ConfigError } from '../lib/errors.js'
import type { Log, LogLevel, Runtime } from '../lib/runtime.js'
import type { CallAsks, Execute } from '../pools/call-control.js'
import { isLoading } from '../pools/child/loading.js'
import type { StartChild } from '../pools/child-line.js'
import { ChildPool } from '../pools/child-pool.js'
import { InlinePool } from '../pools/inline/inline-pool.js'
import type { Pool, PoolKind } from '../pools/pool.js'
import { startProcess } from '../pools/prefork/start-process.js'
import { startThread } from '../pools/threads/start-thread.js'
import type { AppSource } from './app-source.js'
import type { ChildBoot } from './child-boot.js'

/** Celery's names, and ours: which pool each means. */
const KINDS: Readonly<Record<string, PoolKind>> = {
  inline: 'inline',
  eventlet: 'inline',
  gevent: 'inline',
  solo: 'inline',
  threads: 'threads',
  prefork: 'prefork',
  processes: 'prefork',
}

export interface PoolPlan {
  readonly kind: PoolKind
  /** Slots at the start. */
  readonly size: number
}

/**
 * Which pool a name means, and how many tasks it runs at a time when asked for `wanted`: `solo` is one, whatever is asked
 * for. Throws `ConfigError` `LVG_POOL` for a name that there is not.
 */
export function planPool(name: string, wanted: number): PoolPlan {
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
  if (kind !== undefined) return { kind, size: name === 'solo' ? 1 : wanted }
  throw new ConfigError('LVG_POOL', `There is no pool '${name}'; there are ${Object.keys(KINDS).join(', ')}.`)
}

export interface CreatePoolParts {
  readonly plan: PoolPlan
  readonly runtime: Runtime
  readonly settings: Settings
  /** Where children find the app. */
  readonly source: AppSource | undefined
  /** Instead of processes or threads. */
  readonly startChild?: StartChild | undefined
  /** Runs a call in this process. */
  readonly execute: Execute
  /** What calls in children want of this process. */
  readonly asks: CallAsks
}

/** Throws `ConfigError` `LVG_POOL_MODULE`, `LVG_POOL_IN_CHILD`. */
export function createPool({ plan, runtime, settings, source, startChild, execute, asks }: CreatePoolParts): Pool {
  const { kind, size } = plan
  if (kind === 'inline') return new InlinePool({ runtime, size, execute })
  if (isLoading()) throw inChild()
  if (source === undefined) throw noModule(kind)
  const { workerMaxTasksPerChild, workerMaxMemoryPerChild, workerProcAliveTimeout, workerColdShutdownTimeout } =
    settings
  const boot: ChildBoot = {
    app: source,
    logLevel: levelOf(runtime.log),
    tellsMemory: workerMaxMemoryPerChild !== undefined,
  }
  return new ChildPool({
    kind,
    runtime,
    size,
    start: startChild ?? starter(kind, runtime, settings),
    boot,
    asks: { ...asks, log: (level, message, fields) => runtime.log[level](message, fields) },
    maxTasks: workerMaxTasksPerChild,
    maxMemory: workerMaxMemoryPerChild,
    aliveTimeout: workerProcAliveTimeout,
    killGrace: workerColdShutdownTimeout,
  })
}

function starter(kind: 'threads' | 'prefork', runtime: Runtime, settings: Settings): StartChild {
  const module = new URL('./child.js', import.meta.url)
  return kind === 'threads'
    ? startThread(module)
    : startProcess({ module, clock: runtime.clock, lostWait: settings.workerLostWait })
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical']

function levelOf(log: Log): LogLevel | undefined {
  return LEVELS.find(level => log.enabled(level))
}

function noModule(kind: PoolKind): ConfigError {
  return new ConfigError(
    'LVG_POOL_MODULE',
    `The children of pool '${kind}' load the app themselves, and need to know where it is: give the module that exports it, new Worker(app, { pool: '${kind}', module: import.meta.url }), or start the worker with \`lovage worker -A\`.`,
  )
}

/** Each child would have children of its own. */
function inChild(): ConfigError {
  return new ConfigError(
    'LVG_POOL_IN_CHILD',
    'A module that the children of a pool load starts a worker itself. Keep the app and its tasks in a module of their own, without the worker, and name that one as `module`.',
  )
}
