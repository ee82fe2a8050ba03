import { choice, duration, flag, integer, list, type OptionSpec, type OptionTable, text } from './option.js'

/** Options of `lovage worker`. Names are Celery's. Most stand for a setting, which the environment can give too. */
export interface WorkerCommandOptions {
  readonly queues: readonly string[] | undefined
  readonly excludeQueues: readonly string[] | undefined
  readonly purge: boolean
  readonly hostname: string | undefined
  readonly include: readonly string[] | undefined
  readonly concurrency: number | undefined
  readonly pool: string | undefined
  readonly prefetchMultiplier: number | undefined
  readonly optimization: 'default' | 'fair' | undefined
  readonly softTimeLimit: number | undefined
  readonly timeLimit: number | undefined
  readonly maxTasksPerChild: number | undefined
  readonly maxMemoryPerChild: number | undefined
  readonly taskEvents: boolean
  readonly withoutGossip: boolean
  readonly withoutMingle: boolean
  readonly withoutHeartbeat: boolean
  readonly heartbeatInterval: number | undefined
  readonly logfile: string | undefined
  readonly logFormat: 'text' | 'json' | undefined
  readonly pidfile: string | undefined
}

/** Celery's variable for an option, and the one of the setting it stands for. */
function from(
  option: string,
  setting?: string,
): { readonly env: readonly string[]; readonly settingEnv: readonly string[] } {
  return { env: [`CELERY_WORKER_${option}`], settingEnv: setting === undefined ? [] : [`LOVAGE_${setting}`] }
}

const QUEUES = 'Queues'
const POOL = 'Running tasks'
const PEERS = 'Accepted for compatibility, without effect in this version'
const PROCESS = 'Process and log'

export const WORKER_OPTIONS: OptionTable & {
  readonly [K in keyof WorkerCommandOptions]: OptionSpec<WorkerCommandOptions[K]>
} = {
  queues: list('-Q, --queues <names>', 'Consume these queues. Default: all the app declares.', {
    ...from('QUEUES', 'WORKER_QUEUES'),
    section: QUEUES,
  }),
  excludeQueues: list('-X, --exclude-queues <names>', 'Do not consume these queues.', {
    ...from('EXCLUDE_QUEUES', 'WORKER_EXCLUDE_QUEUES'),
    section: QUEUES,
  }),
  purge: flag('--purge', 'Drop what waits in these queues before starting. There is no way back.', {
    alias: '--discard',
    section: QUEUES,
  }),
  hostname: text(
    '-n, --hostname <name>',
    'Node name, unique among all workers: %h is the host, %n its first label, %d its domain. Default: celery@%h.',
    {
      ...from('HOSTNAME', 'WORKER_NAME'),
      section: PROCESS,
    },
  ),
  include: list(
    '-I, --include <modules>',
    'More modules to load, for the tasks they define; beside the settings imports and include.',
    {
      ...from('INCLUDE'),
      section: POOL,
    },
  ),
  concurrency: integer('-c, --concurrency <n>', 'How many tasks run at a time. Default: the number of CPUs.', {
    ...from('CONCURRENCY', 'WORKER_CONCURRENCY'),
    min: 1,
    max: 1_000_000,
    section: POOL,
  }),
  pool: text(
    '-P, --pool <name>',
    'Where tasks run. This version has the inline pool: all in this process, side by side as promises are. eventlet and gevent are taken as names for it, solo for one task at a time.',
    {
      ...from('POOL', 'WORKER_POOL'),
      section: POOL,
    },
  ),
  prefetchMultiplier: integer(
    '--prefetch-multiplier <n>',
    'Messages taken ahead per running task; 0 = no limit. Default: the setting workerPrefetchMultiplier (4; 1 in the safe profile).',
    {
      ...from('PREFETCH_MULTIPLIER', 'WORKER_PREFETCH_MULTIPLIER'),
      min: 0,
      max: 65_535,
      section: POOL,
    },
  ),
  optimization: choice(
    '-O, --optimization <kind>',
    ['default', 'fair'],
    'How tasks are dealt out to child processes. The inline pool has none: a task starts when a slot is free.',
    { env: ['CELERY_WORKER_OPTIMIZATION'], section: PEERS },
  ),
  softTimeLimit: duration('--soft-time-limit <span>', 'Interrupt tasks after this time: their AbortSignal fires.', {
    ...from('SOFT_TIME_LIMIT', 'TASK_SOFT_TIME_LIMIT'),
    section: POOL,
  }),
  timeLimit: duration('--time-limit <span>', 'End tasks after this time.', {
    ...from('TIME_LIMIT', 'TASK_TIME_LIMIT'),
    section: POOL,
  }),
  maxTasksPerChild: integer(
    '--max-tasks-per-child <n>',
    'Replace a child process after n tasks. The inline pool has no children.',
    {
      min: 1,
      section: PEERS,
    },
  ),
  maxMemoryPerChild: integer(
    '--max-memory-per-child <KiB>',
    'Replace a child process above this size. The inline pool has no children.',
    {
      min: 1,
      section: PEERS,
    },
  ),
  taskEvents: flag('-E, --task-events', 'Send events for monitors. This version sends none, and says so.', {
    alias: '--events',
    section: PEERS,
  }),
  withoutGossip: flag('--without-gossip', 'Do not listen to other workers. This version never does.', {
    section: PEERS,
  }),
  withoutMingle: flag('--without-mingle', 'Do not ask other workers at start. This version never does.', {
    section: PEERS,
  }),
  withoutHeartbeat: flag('--without-heartbeat', 'Send no heartbeat events. This version sends none.', {
    section: PEERS,
  }),
  heartbeatInterval: duration(
    '--heartbeat-interval <span>',
    'Time between heartbeat events. This version sends none.',
    { section: PEERS },
  ),
  logfile: text(
    '-f, --logfile <file>',
    'Log to this file instead of standard error; opened anew on HUP. %n, %h, %d, %p are parts of the node name.',
    {
      ...from('LOGFILE', 'WORKER_LOGFILE'),
      section: PROCESS,
    },
  ),
  logFormat: choice(
    '--log-format <kind>',
    ['text', 'json'],
    "Celery's lines, or one JSON object per line. Default: text.",
    {
      settingEnv: ['LOVAGE_LOG_FORMAT'],
      section: PROCESS,
    },
  ),
  pidfile: text(
    '--pidfile <file>',
    'Write the process id here; refuse to start when a living process holds it. Same % letters as --logfile.',
    {
      ...from('PIDFILE', 'WORKER_PIDFILE'),
      section: PROCESS,
    },
  ),
}

/** The settings that the options stand for: the layer above all others. */
export function workerSettings(
  options: WorkerCommandOptions,
  overrides: readonly (readonly [string, string])[],
): Readonly<Record<string, unknown>> {
  const span = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : `${ms}ms`)
  const flags: Record<string, unknown> = {
    workerQueues: options.queues,
    workerExcludeQueues: options.excludeQueues,
    workerName: options.hostname,
    workerConcurrency: options.concurrency,
    workerPrefetchMultiplier: options.prefetchMultiplier,
    taskSoftTimeLimit: span(options.softTimeLimit),
    taskTimeLimit: span(options.timeLimit),
    workerMaxTasksPerChild: options.maxTasksPerChild,
    workerMaxMemoryPerChild: options.maxMemoryPerChild,
    workerSendTaskEvents: options.taskEvents || undefined,
    workerPool: options.pool,
    workerLogfile: options.logfile,
    workerPidfile: options.pidfile,
    logFormat: options.logFormat,
    ...Object.fromEntries(overrides),
  }
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
