/*
 * The plan of the house as tables (ARCHITECTURE.md): floors, doors for third-party code, and the exceptions. Paths are
 * relative to the repository, with forward slashes; a path that ends in `/` or `-` stands for all that begins with it.
 */

/** Room → floor. A file imports from its own room and from lower floors. */
export const FLOORS: Readonly<Record<string, number>> = {
  lib: 0,
  protocol: 1,
  schedules: 1,
  drivers: 2,
  canvas: 2,
  brokers: 3,
  backends: 3,
  pools: 3,
  control: 4,
  events: 4,
  reservations: 4,
  app: 5,
  worker: 6,
  beat: 6,
  telemetry: 6,
  testing: 7,
  dashboard: 7,
  ops: 7,
  cli: 8,
}

/** Front doors `src/<name>.ts`: they re-export rooms up to this floor. Rooms from floor 7 upwards may use them. */
export const FRONT_DOORS: Readonly<Record<string, number>> = {
  'src/index.ts': 5,
  'src/otel.ts': 6,
  'src/prometheus.ts': 6,
  'src/ports.ts': 5,
  'src/worker.ts': 6,
  'src/beat.ts': 6,
  'src/testing.ts': 7,
}

export const LOWEST_FLOOR_ABOVE_DOORS = 7

/** Package → where it may be imported. What is not here may not be imported at all (tests: any dev dependency). */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@msgpack/msgpack': ['src/protocol/'],
  '@opentelemetry/api': ['src/telemetry/'],
  amqplib: ['src/drivers/'],
  commander: ['src/cli/'],
  croner: ['src/schedules/'],
  fzstd: ['src/protocol/'],
  ioredis: ['src/drivers/redis/'],
  jiti: ['src/lib/node-load-module'],
  libsql: ['src/drivers/'],
  pg: ['src/drivers/postgres/'],
  pino: ['src/lib/node-log'],
  'prom-client': ['src/telemetry/'],
  'sonic-boom': ['src/lib/node-log'],
  yaml: ['src/protocol/'],
}

/** Node modules that compute and do nothing else; the others are I/O and belong to `REAL_PLACES`. */
export const PURE_NODE_MODULES: readonly string[] = [
  'node:assert/strict',
  'node:async_hooks',
  'node:buffer',
  'node:crypto',
  'node:events',
  'node:module',
  'node:path',
  'node:string_decoder',
  'node:url',
  'node:util',
  'node:zlib',
]

/** Node modules with a narrower door than the rest. */
export const NODE_MODULE_PLACES: Readonly<Record<string, readonly string[]>> = {
  'node:sqlite': ['src/drivers/'],
}

/** Where the real world may be touched: its clock, timers, chance, files, sockets and processes. */
export const REAL_PLACES: readonly string[] = [
  'src/lib/node-',
  'src/drivers/',
  'src/pools/',
  'src/ops/',
  'src/dashboard/',
  'src/cli/',
  // A proxy that breaks connections, and an orchestrator that kills processes: the real world is what they are about.
  'src/testing/chaos/',
]

export type RuleName =
  | 'unknown-room'
  | 'floor'
  | 'cycle'
  | 'package'
  | 'node-module'
  | 'module-state'
  | 'global'
  | 'snake-case'
  | 'export-all'
  | 'default-export'
  | 'barrel'
  | 'file-name'

export interface Exception {
  readonly rule: RuleName
  /** File, or beginning of a path. */
  readonly where: string
  /** The violation's subject: a name, a module; absent = any. */
  readonly what?: string
  readonly reason: string
}

/** One that excuses nothing fails the test: exceptions leave with their cause. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'module-state',
    where: 'src/app/current-task.ts',
    what: 'running',
    reason: 'currentTask() has no argument to find its task by; the storage only ties a call to its own context',
  },
  {
    rule: 'module-state',
    where: 'src/cli/main.ts',
    what: 'io',
    reason: 'the executable itself: one process, one terminal',
  },
  {
    rule: 'module-state',
    where: 'src/protocol/json-reader.ts',
    reason: 'sticky expressions whose lastIndex is set right before every use, with nothing awaited in between',
  },
  {
    rule: 'floor',
    where: 'src/worker/child.ts',
    reason:
      "the entry of a pool's child, an executable like the command: what users' modules import there are the front doors",
  },
  {
    rule: 'global',
    where: 'src/protocol/exception.ts',
    what: 'globalThis',
    reason:
      'compares an error class with the built-in one of the same name; reads nothing that differs from run to run',
  },
  {
    rule: 'global',
    where: 'src/testing/sim/escape-guard.ts',
    reason: 'takes the real clock, timers, chance and network away while a simulation runs',
  },
  {
    rule: 'module-state',
    where: 'src/testing/sim/brief-contexts.ts',
    what: 'AsyncLocalStorage',
    reason: 'replaces how contexts are followed while a simulation runs, and gives it back',
  },
  {
    rule: 'floor',
    where: 'src/testing/chaos/chaos-cluster.ts',
    what: 'src/cli/main.ts',
    reason: 'starts the command as a process of its own, as users do, and imports nothing of it',
  },
  {
    rule: 'node-module',
    where: 'src/testing/sim/simulate.ts',
    what: 'node:timers',
    reason: 'a turn of the real event loop is how a simulation lets all microtasks run out',
  },
  {
    rule: 'node-module',
    where: 'src/testing/cluster/real-work.ts',
    what: 'node:timers',
    reason: 'a test cluster lets handlers use the real event loop, and waits for what they do there',
  },
  {
    rule: 'global',
    where: 'src/testing/cluster/real-work.ts',
    reason: 'asks Node what is under way for real, and for how long',
  },
  {
    rule: 'snake-case',
    where: 'src/testing/cluster/test-cluster.ts',
    what: 'lovage_requeued',
    reason: 'the header by which a worker knows another attempt (worker/running.ts)',
  },
  {
    rule: 'snake-case',
    where: 'src/app/set-options.ts',
    what: 'stamped_headers',
    reason: 'options of a signature keep their wire names (protocol/signature.ts)',
  },
  {
    rule: 'snake-case',
    where: 'src/brokers/postgres/declare-params.ts',
    reason: 'rows carry the column names of the SQL beside them',
  },
  {
    rule: 'snake-case',
    where: 'src/drivers/postgres/',
    reason: "parameters of the URL have libpq's names, options of the client PostgreSQL's",
  },
  {
    rule: 'snake-case',
    where: 'src/drivers/amqp/management.ts',
    reason: "members of the management plugin's answers",
  },
  {
    rule: 'snake-case',
    where: 'src/brokers/amqp/tls-options.ts',
    reason: "TLS options are taken under the names that Celery's `broker_use_ssl` has for them",
  },
  {
    rule: 'snake-case',
    where: 'src/drivers/amqp/open-amqp.ts',
    what: 'connection_name',
    reason: "the client property by which RabbitMQ's tools show a connection",
  },
  {
    rule: 'snake-case',
    where: 'src/schedules/django-',
    reason: "rows carry the column names of django-celery-beat's tables",
  },
  {
    rule: 'snake-case',
    where: 'src/schedules/solar.ts',
    reason: "names of Celery's events of the sun, as entries carry them",
  },
  {
    rule: 'snake-case',
    where: 'src/backends/postgres/result-rows.ts',
    reason: 'rows carry the column names of the SQL beside them',
  },
  {
    rule: 'snake-case',
    where: 'src/brokers/sqlite/',
    reason: 'rows carry the column names of the SQL beside them',
  },
  {
    rule: 'snake-case',
    where: 'src/drivers/sqlite/',
    reason: "SQLite's pragmas answer in columns of their own names",
  },
  {
    rule: 'global',
    where: 'src/testing/conformance/pool-tasks.ts',
    reason: 'what a task may do to its own process is what the cases are about',
  },
  {
    rule: 'node-module',
    where: 'src/testing/conformance/pool-tasks.ts',
    what: 'node:child_process',
    reason: 'what a task has started is to go with it',
  },
  {
    rule: 'snake-case',
    where: 'src/testing/conformance/pool-running.ts',
    reason: "names of Celery's log format, which lines of a task carry",
  },
  {
    rule: 'snake-case',
    where: 'src/pools/child/thread-line.ts',
    reason: "members of V8's heap statistics",
  },
  {
    rule: 'snake-case',
    where: 'src/worker/running.ts',
    what: 'lovage_requeued',
    reason: "custom headers keep their wire names in a TaskRequest, ours among the sender's",
  },
  {
    rule: 'snake-case',
    where: 'src/telemetry/prometheus.ts',
    what: 'queue_name',
    reason: "a label of celery-exporter's metrics",
  },
  {
    rule: 'snake-case',
    where: 'src/telemetry/prometheus-cluster.ts',
    what: 'queue_name',
    reason: "a label of celery-exporter's metrics",
  },
  ...logFields('src/lib/log-', 'src/app/', 'src/worker/'),
]

/** The two fields that the text format prints beside the message (lib/runtime.ts). */
function logFields(...places: readonly string[]): Exception[] {
  const reason = "names of Celery's log format and of the same fields in JSON logs"
  return places.flatMap(where =>
    ['task_id', 'task_name'].map(what => ({ rule: 'snake-case' as const, where, what, reason })),
  )
}
