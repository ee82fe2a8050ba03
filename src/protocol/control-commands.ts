/*
 * Celery's remote-control commands: names, aliases, and what their functions take, in the words of the wire. One source for
 * the worker's check of arguments, the client and the command line. Source: celery/worker/control.py.
 */

/** `inspect` commands look, `control` commands change something. */
export type CommandKind = 'inspect' | 'control'

/** How a command line reads a word. */
export type CommandWordType = 'text' | 'integer' | 'number' | 'boolean'

export interface CommandSpec {
  readonly name: string
  /** An old name that still works on the wire. */
  readonly alias?: string | undefined
  readonly kind: CommandKind
  /** For programs: command lines do not offer it. */
  readonly hidden?: boolean | undefined
  /** One line. */
  readonly help: string
  /** Arguments that must be there. */
  readonly required?: readonly string[] | undefined
  /** Arguments that may be missing. */
  readonly optional?: readonly string[] | undefined
  /** Any further argument is an error. Most commands ignore what they do not know. */
  readonly exact?: boolean | undefined
  /** Words of a command line, in order: argument and type. */
  readonly words?: readonly (readonly [argument: string, type: CommandWordType])[] | undefined
  /** The argument that gets all further words, as a list. */
  readonly variadic?: string | undefined
  /** The words as `--help` shows them. */
  readonly usage?: string | undefined
}

export const CONTROL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'report',
    kind: 'inspect',
    exact: true,
    help: 'Information about the installation for bug reports.',
  },
  {
    name: 'conf',
    alias: 'dump_conf',
    kind: 'inspect',
    optional: ['with_defaults'],
    words: [['with_defaults', 'boolean']],
    usage: '[include_defaults=False]',
    help: 'List configuration.',
  },
  {
    name: 'query_task',
    kind: 'inspect',
    required: ['ids'],
    variadic: 'ids',
    usage: '[id1 [id2 [... [idN]]]]',
    help: 'Query for task information by id.',
  },
  { name: 'clock', kind: 'inspect', help: 'Get current logical clock value.' },
  {
    name: 'hello',
    kind: 'inspect',
    hidden: true,
    required: ['from_node'],
    optional: ['revoked'],
    help: 'Request mingle sync-data.',
  },
  { name: 'ping', kind: 'inspect', help: 'Ping worker(s).' },
  { name: 'stats', kind: 'inspect', help: 'Request worker statistics/information.' },
  {
    name: 'scheduled',
    alias: 'dump_schedule',
    kind: 'inspect',
    help: 'List of currently scheduled ETA/countdown tasks.',
  },
  {
    name: 'reserved',
    alias: 'dump_reserved',
    kind: 'inspect',
    help: 'List of currently reserved tasks, not including scheduled/active.',
  },
  {
    name: 'active',
    alias: 'dump_active',
    kind: 'inspect',
    optional: ['safe'],
    help: 'List of tasks currently being executed.',
  },
  { name: 'revoked', alias: 'dump_revoked', kind: 'inspect', help: 'List of revoked task-ids.' },
  {
    name: 'registered',
    alias: 'dump_tasks',
    kind: 'inspect',
    optional: ['taskinfoitems', 'builtins'],
    variadic: 'taskinfoitems',
    usage: '[attr1 [attr2 [... [attrN]]]]',
    help: 'List of registered tasks.',
  },
  {
    name: 'objgraph',
    kind: 'inspect',
    optional: ['num', 'max_depth', 'type'],
    words: [
      ['type', 'text'],
      ['num', 'integer'],
      ['max_depth', 'integer'],
    ],
    usage: '[object_type=Request] [num=200 [max_depth=10]]',
    help: 'Create graph of uncollected objects (memory-leak debugging).',
  },
  { name: 'memsample', kind: 'inspect', help: 'Sample current RSS memory usage.' },
  {
    name: 'memdump',
    kind: 'inspect',
    optional: ['samples'],
    words: [['samples', 'integer']],
    usage: '[n_samples=10]',
    help: 'Dump statistics of previous memsample requests.',
  },
  {
    name: 'active_queues',
    kind: 'inspect',
    exact: true,
    help: 'List the task queues a worker is currently consuming from.',
  },
  {
    name: 'revoke',
    kind: 'control',
    required: ['task_id'],
    optional: ['terminate', 'signal'],
    variadic: 'task_id',
    usage: '[id1 [id2 [... [idN]]]]',
    help: 'Revoke task by task id (or list of ids).',
  },
  {
    name: 'revoke_by_stamped_headers',
    kind: 'control',
    required: ['headers'],
    optional: ['terminate', 'signal'],
    variadic: 'headers',
    usage: '[key1=value1 [key2=value2 [... [keyN=valueN]]]]',
    help: 'Revoke task by header (or list of headers).',
  },
  {
    name: 'terminate',
    kind: 'control',
    required: ['signal', 'task_id'],
    words: [['signal', 'text']],
    variadic: 'task_id',
    usage: '<signal> [id1 [id2 [... [idN]]]]',
    help: 'Terminate task by task id (or list of ids).',
  },
  {
    name: 'rate_limit',
    kind: 'control',
    required: ['task_name', 'rate_limit'],
    words: [
      ['task_name', 'text'],
      ['rate_limit', 'text'],
    ],
    usage: '<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>',
    help: 'Tell worker(s) to modify the rate limit for a task by type.',
  },
  {
    name: 'time_limit',
    kind: 'control',
    optional: ['task_name', 'hard', 'soft'],
    words: [
      ['task_name', 'text'],
      ['soft', 'number'],
      ['hard', 'number'],
    ],
    usage: '<task_name> <soft_secs> [hard_secs]',
    help: 'Tell worker(s) to modify the time limit for task by type.',
  },
  {
    name: 'election',
    kind: 'control',
    required: ['id', 'topic'],
    optional: ['action'],
    help: 'Hold election.',
  },
  { name: 'enable_events', kind: 'control', exact: true, help: 'Tell worker(s) to send task-related events.' },
  { name: 'disable_events', kind: 'control', exact: true, help: 'Tell worker(s) to stop sending task-related events.' },
  { name: 'heartbeat', kind: 'control', exact: true, help: 'Tell worker(s) to send event heartbeat immediately.' },
  {
    name: 'pool_grow',
    kind: 'control',
    optional: ['n'],
    words: [['n', 'integer']],
    usage: '[N=1]',
    help: 'Grow pool by n processes/threads.',
  },
  {
    name: 'pool_shrink',
    kind: 'control',
    optional: ['n'],
    words: [['n', 'integer']],
    usage: '[N=1]',
    help: 'Shrink pool by n processes/threads.',
  },
  {
    name: 'pool_restart',
    kind: 'control',
    optional: ['modules', 'reload', 'reloader'],
    help: 'Restart execution pool.',
  },
  {
    name: 'autoscale',
    kind: 'control',
    optional: ['max', 'min'],
    exact: true,
    words: [
      ['max', 'integer'],
      ['min', 'integer'],
    ],
    usage: '[max [min]]',
    help: 'Modify autoscale settings.',
  },
  { name: 'shutdown', kind: 'control', optional: ['msg'], help: 'Shutdown worker(s).' },
  {
    name: 'add_consumer',
    kind: 'control',
    required: ['queue'],
    optional: ['exchange', 'exchange_type', 'routing_key'],
    words: [
      ['queue', 'text'],
      ['exchange', 'text'],
      ['exchange_type', 'text'],
      ['routing_key', 'text'],
    ],
    usage: '<queue> [exchange [type [routing_key]]]',
    help: 'Tell worker(s) to consume from task queue by name.',
  },
  {
    name: 'cancel_consumer',
    kind: 'control',
    required: ['queue'],
    words: [['queue', 'text']],
    usage: '<queue>',
    help: 'Tell worker(s) to stop consuming from task queue by name.',
  },
]

/** By name or alias. */
export function findCommand(method: string, specs: readonly CommandSpec[] = CONTROL_COMMANDS): CommandSpec | undefined {
  return specs.find(({ name, alias }) => name === method || alias === method)
}

/** What Python's `TypeError` would say if the command were called so; undefined = it can be called. */
export function argumentProblem(spec: CommandSpec, given: Readonly<Record<string, unknown>>): string | undefined {
  const { name, required = [], optional = [], exact = false } = spec
  const stranger = exact
    ? Object.keys(given).find(key => !required.includes(key) && !optional.includes(key))
    : undefined
  if (stranger !== undefined) return `${name}() got an unexpected keyword argument '${stranger}'`
  const missing = required.filter(argument => !Object.hasOwn(given, argument)).map(argument => `'${argument}'`)
  if (missing.length === 0) return undefined
  const words = missing.length === 1 ? 'argument' : 'arguments'
  return `${name}() missing ${missing.length} required positional ${words}: ${enumerated(missing)}`
}

/** `a`, `a and b`, `a, b, and c`. Source: CPython `format_missing`. */
function enumerated(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ')
  return `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`
}
