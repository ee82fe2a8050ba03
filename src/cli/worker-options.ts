import { beatStore } from './beat-store-option.js'
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
  readonly autoscale: string | undefined
  readonly autoscaleKeepalive: number | undefined
  readonly prefetchMultiplier: number | undefined
  readonly disablePrefetch: boolean
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
  readonly statedb: string | undefined
  readonly beat: boolean
  readonly schedule: string | undefined
  readonly detach: boolean
  readonly uid: string | undefined
  readonly gid: string | undefined
  readonly umask: string | undefined
  readonly watch: boolean
  readonly health: string | undefined
  readonly exitOnStall: boolean
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
const EVENTS = 'Events and other workers'
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
    'Where tasks run. inline (default): all in this process, side by side as promises are; eventlet and gevent are names for it, solo for one task at a time. prefork, processes: in child processes. threads: in threads of this process.',
    {
      ...from('POOL', 'WORKER_POOL'),
      section: POOL,
    },
  ),
  autoscale: text(
    '--autoscale <max,min>',
    'Follow the load: at most max slots, at least min. Instead of --concurrency.',
    {
      ...from('AUTOSCALE', 'WORKER_AUTOSCALE'),
      section: POOL,
    },
  ),
  autoscaleKeepalive: duration(
    '--autoscale-keepalive <span>',
    'With --autoscale: shrink when the pool has not grown for this long. Default 30 s.',
    { env: ['AUTOSCALE_KEEPALIVE'], settingEnv: ['LOVAGE_WORKER_AUTOSCALE_KEEPALIVE'], section: POOL },
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
  disablePrefetch: flag('--disable-prefetch', 'Take only what can run now: no message waits here for a slot.', {
    ...from('DISABLE_PREFETCH', 'WORKER_DISABLE_PREFETCH'),
    section: POOL,
  }),
  optimization: choice(
    '-O, --optimization <kind>',
    ['default', 'fair'],
    'How tasks are dealt out: fair, one to each slot or child when it is idle. Lovage knows no other way, so both mean the same.',
    { env: ['CELERY_WORKER_OPTIMIZATION'], section: POOL },
  ),
  softTimeLimit: duration('--soft-time-limit <span>', 'Interrupt tasks after this time: their AbortSignal fires.', {
    ...from('SOFT_TIME_LIMIT', 'TASK_SOFT_TIME_LIMIT'),
    section: POOL,
  }),
  timeLimit: duration(
    '--time-limit <span>',
    'End tasks after this time, with their child. The inline pool cannot, and refuses.',
    {
      ...from('TIME_LIMIT', 'TASK_TIME_LIMIT'),
      section: POOL,
    },
  ),
  maxTasksPerChild: integer(
    '--max-tasks-per-child <n>',
    'Replace a child of the pool after n tasks. The inline pool has none.',
    {
      ...from('MAX_TASKS_PER_CHILD', 'WORKER_MAX_TASKS_PER_CHILD'),
      min: 1,
      section: POOL,
    },
  ),
  maxMemoryPerChild: integer(
    '--max-memory-per-child <KiB>',
    'Replace a child of the pool above this size, after its task. The inline pool has none.',
    {
      ...from('MAX_MEMORY_PER_CHILD', 'WORKER_MAX_MEMORY_PER_CHILD'),
      min: 1,
      section: POOL,
    },
  ),
  taskEvents: flag('-E, --task-events', 'Send events about tasks, for monitors.', {
    alias: '--events',
    section: EVENTS,
  }),
  withoutGossip: flag('--without-gossip', 'Do not listen to other workers.', {
    section: EVENTS,
  }),
  withoutMingle: flag('--without-mingle', 'Do not ask other workers what they know.', {
    section: EVENTS,
  }),
  withoutHeartbeat: flag('--without-heartbeat', 'Send no heartbeats: monitors and other workers do not see this one.', {
    section: EVENTS,
  }),
  heartbeatInterval: duration('--heartbeat-interval <span>', 'Time between heartbeats. Default: 2 s.', {
    section: EVENTS,
  }),
  logfile: text(
    '-f, --logfile <file>',
    'Log to this file instead of standard error; opened anew on USR2. %n, %h, %d, %p are parts of the node name.',
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
  beat: flag('-B, --beat', 'Send the schedule too, as lovage beat does. Any number of workers may: one leads.', {
    section: PROCESS,
  }),
  schedule: text(
    '-s, --schedule <where>',
    'With --beat: a SQLite file, or a URL of Redis or PostgreSQL, where beats keep the schedule and agree.',
    { ...from('SCHEDULE', 'BEAT_STORE_URL'), section: PROCESS },
  ),
  statedb: text(
    '-S, --statedb <file>',
    'Keep here what was revoked, and the logical clock, for the next start. A file per worker; same % letters as --logfile.',
    {
      ...from('STATEDB', 'WORKER_STATE_DB'),
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
  detach: flag(
    '-D, --detach',
    'Work in the background, without a terminal. Returns when the worker is ready, or has failed.',
    {
      section: PROCESS,
    },
  ),
  uid: text(
    '--uid <user>',
    'Run as this user, by name or number. Only root may ask; it gives up its rights for good before anything is loaded.',
    {
      ...from('UID', 'WORKER_UID'),
      section: PROCESS,
    },
  ),
  gid: text('--gid <group>', "Run as this group. Default: the user's own.", {
    ...from('GID', 'WORKER_GID'),
    section: PROCESS,
  }),
  umask: text('--umask <mask>', 'Octal: rights that new files do not get. Default with --detach: 027.', {
    ...from('UMASK', 'WORKER_UMASK'),
    section: PROCESS,
  }),
  watch: flag('--watch', 'For development: start anew when a source file in this folder or below changes.', {
    section: PROCESS,
  }),
  health: text(
    '--health <address>',
    'Answer /livez, /readyz and /metrics over HTTP at this port of this machine, or at host:port.',
    { settingEnv: ['LOVAGE_WORKER_HEALTH'], section: PROCESS },
  ),
  exitOnStall: flag(
    '--exit-on-stall',
    'End with status 75 when messages wait, slots are free, nothing is delivered, and a new connection did not help.',
    { settingEnv: ['LOVAGE_WORKER_EXIT_ON_STALL'], section: PROCESS },
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
    workerAutoscale: options.autoscale,
    workerAutoscaleKeepalive: span(options.autoscaleKeepalive),
    workerPrefetchMultiplier: options.prefetchMultiplier,
    workerDisablePrefetch: options.disablePrefetch || undefined,
    taskSoftTimeLimit: span(options.softTimeLimit),
    taskTimeLimit: span(options.timeLimit),
    workerMaxTasksPerChild: options.maxTasksPerChild,
    workerMaxMemoryPerChild: options.maxMemoryPerChild,
    workerSendTaskEvents: options.taskEvents || undefined,
    workerPool: options.pool,
    workerLogfile: options.logfile,
    workerPidfile: options.pidfile,
    workerStateDb: options.statedb,
    beatStoreUrl: options.schedule === undefined ? undefined : beatStore(options.schedule),
    workerUid: options.uid,
    workerGid: options.gid,
    workerUmask: options.umask,
    workerHealth: options.health,
    workerExitOnStall: options.exitOnStall || undefined,
    logFormat: options.logFormat,
    ...Object.fromEntries(overrides),
  }
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
