import type { TaskCall } from '../../src/protocol/encode-task.js'
import { groupId, taskId, taskName } from '../../src/protocol/ids.js'
import type { Signature } from '../../src/protocol/signature.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from '../../src/protocol/values.js'

/** What a scenario's call cannot know: ids that the Python client drew, in the order its messages carry them. */
export interface Drawn {
  readonly id: string
  readonly group: string | null
  /** Reply queue, the same in every signature of one client. */
  readonly replyTo: string
  readonly origin: string | undefined
  readonly priority: number | null
  readonly eta: number | undefined
  readonly expires: number | undefined
  /** Signatures in the message's embed, for their ids. */
  readonly taskIds: readonly string[]
}

type Scenario = (
  drawn: Drawn,
) => Omit<TaskCall, 'id' | 'replyTo' | 'ignoreResult'> & Pick<Partial<TaskCall>, 'ignoreResult' | 'replyTo'>

const add = taskName('interop.add')
const echo = taskName('interop.echo')
const ADD = { task: add, args: [2, 3] } as const

function sig(task: string, args: readonly unknown[] = [], more: Partial<Signature> = {}): Signature {
  return { task: taskName(task), args, kwargs: {}, options: {}, subtaskType: null, immutable: false, ...more }
}

function times({ eta, expires }: Drawn): Pick<TaskCall, 'eta' | 'expires' | 'expiration'> {
  return { eta, expires, ...(expires === undefined ? {} : { expiration: 120_000 }) }
}

function member(index: number, args: readonly unknown[]): Scenario {
  return drawn => ({ task: add, args, group: groupId(drawn.group ?? ''), groupIndex: index })
}

/**
 * Calls of the capturing client, written again by hand from the Python that made them: scenario → one entry per message.
 * Both captures and both brokers must agree with them.
 */
export const CALLS: Readonly<Record<string, readonly Scenario[]>> = {
  task_args: [() => ADD],
  task_no_args: [() => ({ task: taskName('interop.noop') })],
  task_kwargs: [() => ({ task: add, kwargs: { x: 2, y: 3, z: 4 } })],
  task_args_kwargs: [() => ({ task: echo, args: [1, 'two'], kwargs: { three: 3, four: [4] } })],
  task_by_name: [() => ({ task: taskName('elsewhere.compute'), args: [1], kwargs: { k: 'v' }, argsrepr: '[1]' })],
  task_id_given: [() => ADD],
  task_root_parent: [
    () => ({ ...ADD, rootId: taskId('the-root'), parentId: taskId('the-parent'), group: groupId('the-group') }),
  ],
  // py-amqp leaves the property out when the caller names a queue, Kombu's envelope does not.
  queue_option: [({ priority }) => ({ ...ADD, priority })],
  no_backend: [() => ADD],
  immutable: [() => ADD],
  priority: Array.from({ length: 10 }, (_, p) => () => ({ task: add, args: [p, p], priority: p })),
  priority_default: [() => ({ ...ADD, priority: 5 })],
  transient: [() => ({ ...ADD, deliveryMode: 1 })],
  reply_to: [() => ({ ...ADD, replyTo: 'my.reply.queue' })],
  retries: [() => ({ ...ADD, retries: 2 })],
  shadow: [() => ({ ...ADD, shadow: 'addition for logs' })],
  time_limits: [() => ({ ...ADD, timeLimit: 30_000, softTimeLimit: 20_000 })],
  ignore_result: [() => ({ ...ADD, ignoreResult: true })],
  custom_headers: [() => ({ ...ADD, headers: { 'x-tenant': 'acme', 'x-n': 7, 'x-list': [1, 'a', null] } })],
  message_ttl: [() => ({ ...ADD, expiration: 30_000 })],
  argsrepr: [
    () => ({
      task: echo,
      args: ['secret'],
      kwargs: { password: 'secret' },
      argsrepr: '(<hidden>,)',
      kwargsrepr: "{'password': <hidden>}",
    }),
  ],
  countdown: [drawn => ({ ...ADD, ...times(drawn) })],
  expires_seconds: [drawn => ({ ...ADD, ...times(drawn) })],
  signature_options: [drawn => ({ ...ADD, ...times(drawn), priority: 3, headers: { 'x-a': 'b' } })],
  group1: [member(0, [1, 1])],
  group3: [member(0, [0, 0]), member(1, [1, 1]), member(2, [2, 2])],
  group_with_args: [member(0, [10, 1]), member(1, [10, 2])],
  group_of_groups: [member(0, [1, 1]), member(1, [2, 2]), member(0, [3, 3]), member(2, [4, 4])],
  link: [() => ({ ...ADD, callbacks: [sig('interop.mul', [10])] })],
  link_error: [() => ({ ...ADD, callbacks: [sig('interop.mul', [10])], errbacks: [sig('interop.errback_full')] })],
  chain3: [
    ({ replyTo, taskIds }) => ({
      ...ADD,
      chain: [
        sig('interop.identity', [], { options: { task_id: taskIds[0], reply_to: replyTo } }),
        sig('interop.mul', [10], { options: { task_id: taskIds[1], reply_to: replyTo } }),
      ],
    }),
  ],
  chord2: [0, 1].map(index => ({ group, replyTo, taskIds }: Drawn) => ({
    task: add,
    args: [index + 1, index + 1],
    group: groupId(group ?? ''),
    groupIndex: index,
    chord: sig('interop.xsum', [], { options: { task_id: taskIds[0], reply_to: replyTo, group_id: group } }),
  })),
  xmap: [
    () => ({
      task: taskName('celery.map'),
      kwargs: {
        task: wire('interop.xsum'),
        it: [
          [1, 2],
          [3, 4],
        ],
      },
    }),
  ],
  xstarmap: [
    () => ({
      task: taskName('celery.starmap'),
      kwargs: {
        task: wire('interop.add'),
        it: [
          [0, 0],
          [1, 1],
          [2, 2],
        ],
      },
    }),
  ],
  stamped_task: [() => ({ ...ADD, stampedHeaders: ['monitoring_id'], stamps: { monitoring_id: 'abc' } })],
  stamped_kwargs: [() => ({ ...ADD, stampedHeaders: ['stamp', 'number'], stamps: { stamp: 'value', number: 1 } })],
  stamped_link: [
    () => ({
      ...ADD,
      stampedHeaders: ['stamp'],
      stamps: { stamp: 42 },
      callbacks: [sig('interop.identity', [], { options: { stamped_headers: ['stamp'], stamp: 42 } })],
      errbacks: [sig('interop.errback_full', [], { options: { stamped_headers: ['stamp'], stamp: 42 } })],
    }),
  ],
  args_bigint: [
    () => ({ task: echo, args: [2 ** 31, 2n ** 53n + 1n, 2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 10n ** 30n] }),
  ],
  args_unicode: [
    () => ({
      task: echo,
      args: ['žluťoučký kůň', '日本語', '🐎👩‍👩‍👧', 'nul:\u0000', 'ls:\u2028', 'quote \' " \\'],
      kwargs: { ключ: 'значение' },
    }),
  ],
  args_nested: [
    () => ({
      task: echo,
      args: [
        { a: { b: [1, { c: [null, true, false] }], e: {} }, l: [], s: '' },
        [[[]]],
        [1, [2, 3]],
        { 1: 'true key', null: 'none key' },
      ],
    }),
  ],
  args_uuid: [() => ({ task: echo, args: [new Uuid('12345678-1234-5678-1234-567812345678')] })],
  args_decimal: [() => ({ task: echo, args: [new Decimal('3.14159265358979323846'), new Decimal('1E+3')] })],
  args_bytes: [() => ({ task: echo, args: [Buffer.from('ascii bytes'), Buffer.from([0, 0xff, 0xfe])] })],
  args_datetime: [
    () => ({
      task: echo,
      args: [
        new NaiveDateTime('2024-02-29T12:34:56'),
        new NaiveDateTime('2024-02-29T12:34:56.789012'),
        new Date('2024-02-29T12:34:56Z'),
        new Date('2024-02-29T11:34:56.789Z'),
        new PlainDate('2024-02-29'),
        new PlainTime('12:34:56.789012'),
      ],
    }),
  ],
  args_deep: [() => ({ task: echo, args: [[[[[[[[[1]]]]]]]], { a: { b: { c: { d: { e: 1 } } } } }] })],
  args_long: [
    () => ({
      task: echo,
      args: ['x'.repeat(3000), Array.from({ length: 600 }, (_, i) => i)],
      kwargs: { key: 'y'.repeat(3000), d: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, i])) },
    }),
  ],
  compression_gzip: [() => ({ task: echo, args: ['x'.repeat(300)], compression: 'gzip' })],
  compression_zlib: [() => ({ task: echo, args: ['x'.repeat(300)], compression: 'zlib' })],
  compression_brotli: [() => ({ task: echo, args: ['x'.repeat(300)], compression: 'brotli' })],
  serializer_yaml: [
    () => ({ task: echo, args: [1, 'two', 3.5, null, true, [1, { a: 'ž' }]], kwargs: { k: 'v' }, serializer: 'yaml' }),
  ],
  serializer_msgpack: [
    () => ({
      task: echo,
      args: [1, 'two', 3.5, null, true, [1, { a: 'ž' }], Buffer.from([0, 0xff])],
      kwargs: { k: 'v' },
      serializer: 'msgpack',
    }),
  ],
  protocol1_args: [() => ({ ...ADD, protocol: 1 })],
  protocol1_full: [
    drawn => ({
      task: add,
      args: [2],
      kwargs: { y: 3 },
      ...times(drawn),
      timeLimit: 30_000,
      softTimeLimit: 20_000,
      callbacks: [sig('interop.mul', [10])],
      errbacks: [sig('interop.errback_id')],
      group: groupId('the-group'),
      retries: 1,
      protocol: 1,
    }),
  ],
  protocol1_chain: [
    ({ replyTo, taskIds }) => ({
      task: add,
      args: [1, 1],
      chain: [
        sig('interop.identity', [], { options: { task_id: taskIds[1], reply_to: replyTo } }),
        sig('interop.mul', [10], { options: { task_id: taskIds[0], reply_to: replyTo } }),
      ],
      protocol: 1,
    }),
  ],
  protocol1_chord: [0, 1].map(index => ({ group, replyTo, taskIds }: Drawn) => ({
    task: add,
    args: [index + 1, index + 1],
    group: groupId(group ?? ''),
    groupIndex: index,
    chord: sig('interop.xsum', [], { options: { task_id: taskIds[0], reply_to: replyTo, group_id: group } }),
    protocol: 1,
  })),
}

/** A signature that is an argument: arguments travel as they are. */
function wire(task: string): Readonly<Record<string, unknown>> {
  return { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }
}
