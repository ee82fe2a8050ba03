import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../../src/control/command-error.js'
import { NO_REPLY } from '../../../src/control/command-table.js'
import type { TaskId } from '../../../src/protocol/ids.js'
import { printJson } from '../../../src/protocol/json.js'
import { workerCommands } from '../../../src/worker/commands/worker-commands.js'
import { FakeView, type FakeViewOptions, heldTask } from '../../support/worker/fake-view.js'

type Args = Readonly<Record<string, unknown>>

function run(method: string, args: Args = {}, view: FakeView = new FakeView()): unknown {
  return workerCommands(view).run(method, args)
}

/** Commands with arguments that are refused, and how Python would call it. */
const REFUSED: readonly (readonly [method: string, args: Args, error: string, options?: FakeViewOptions])[] = [
  ['nosuch', {}, 'KeyError'],
  ['revoke', { task_id: 7 }, 'TypeError'],
  ['revoke', { task_id: ['a', null] }, 'TypeError'],
  ['revoke', { task_id: 'x'.repeat(256) }, 'TypeError'],
  ['revoke', { task_id: Array.from({ length: 10_001 }, (_, i) => `t${i}`) }, 'ValueError'],
  ['revoke', { task_id: 'a', root_id: 7 }, 'TypeError'],
  ['revoke', { task_id: 'a', terminate: true, signal: 'FOO' }, 'AttributeError'],
  ['revoke', { task_id: 'a', terminate: true, signal: 99 }, 'ValueError'],
  ['revoke', { task_id: 'a', terminate: true, signal: ['KILL'] }, 'TypeError'],
  ['revoke_by_stamped_headers', { headers: 7 }, 'TypeError'],
  ['revoke_by_stamped_headers', { headers: ['noequals'] }, 'TypeError'],
  ['revoke_by_stamped_headers', { headers: { a: [{}] } }, 'TypeError'],
  ['rate_limit', { task_name: 'demo.add', rate_limit: '10/x' }, 'KeyError'],
  ['time_limit', { task_name: 'demo.add', soft: '10' }, 'TypeError'],
  ['time_limit', { task_name: 'demo.add', soft: -1 }, 'ValueError'],
  ['time_limit', { task_name: 'demo.add', hard: 1e12 }, 'ValueError'],
  ['pool_grow', { n: 7 }, 'ValueError'],
  ['pool_grow', { n: '2' }, 'TypeError'],
  ['pool_grow', { n: 1.5 }, 'TypeError'],
  ['pool_shrink', { n: 2 }, 'ValueError'],
  ['pool_restart', {}, 'ValueError'],
  ['autoscale', { max: 3 }, 'ValueError'],
  ['autoscale', { max: 9 }, 'ValueError', { autoscaler: true }],
  ['autoscale', { max: 3, min: 4 }, 'ValueError', { autoscaler: true }],
  ['add_consumer', { queue: '' }, 'TypeError'],
  ['add_consumer', { queue: 'q', exchange_type: 'headers' }, 'ValueError'],
  ['add_consumer', { queue: 'q', nonsense: 1 }, 'TypeError'],
  ['add_consumer', { queue: 'q', max_length: 'many' }, 'TypeError'],
  ['cancel_consumer', { queue: null }, 'TypeError'],
  ['hello', { from_node: 3 }, 'TypeError'],
  ['registered', { taskinfoitems: [1] }, 'TypeError'],
  ['memdump', { samples: 0 }, 'ValueError'],
  ['objgraph', {}, 'ImportError'],
  ['query_task', { ids: { a: 1 } }, 'TypeError'],
]

for (const [method, args, error, options] of REFUSED) {
  test(`S75 ${method} ${JSON.stringify(args).slice(0, 60)} is a ${error} and does nothing`, () => {
    const view = new FakeView({ tasks: { 'demo.add': {} }, ...options })
    assert.throws(
      () => run(method, args, view),
      (thrown: unknown) => thrown instanceof CommandError && thrown.name === error,
    )
    assert.deepEqual(view.done, [])
  })
}

/** What commands do to the worker. */
const DONE: readonly (readonly [
  method: string,
  args: Args,
  done: readonly string[],
  reply: unknown,
  FakeViewOptions?,
])[] = [
  ['revoke', { task_id: ['a', 'a', 'b'] }, ['revoke a b'], { ok: "tasks {'a', 'b'} flagged as revoked" }],
  ['revoke', { task_id: [] }, ['revoke '], { ok: 'tasks set() flagged as revoked' }],
  ['revoke', { task_id: 'x', terminate: true }, ['revoke x', 'terminate  SIGTERM'], { ok: 'terminate: tasks unknown' }],
  ['revoke', { task_id: ['r', 'a'], root_id: ['r'] }, ['revoke roots r'], { ok: "workflows {'r'} flagged as revoked" }],
  [
    'revoke',
    { task_id: ['r'], root_id: 'r', terminate: true },
    ['revoke roots r', 'terminate roots r SIGTERM'],
    { ok: 'terminate: tasks unknown' },
  ],
  ['terminate', { task_id: 'h', signal: 'kill' }, ['revoke h', 'terminate h SIGKILL'], { ok: 'terminate: h' }],
  ['terminate', { task_id: 'h', signal: 2 }, ['revoke h', 'terminate h SIGINT'], { ok: 'terminate: h' }],
  [
    'revoke_by_stamped_headers',
    { headers: ['team=blue'] },
    ['stamps [["team",["blue"]]]'],
    { ok: "headers {'team': 'blue'} flagged as revoked, but not terminated" },
  ],
  [
    'revoke_by_stamped_headers',
    { headers: { team: ['blue', 'red'] }, terminate: true },
    ['stamps [["team",["blue","red"]]]', 'terminate h SIGTERM'],
    { ok: "headers defaultdict(<class 'set'>, {'team': {'blue'}}) revoked" },
  ],
  [
    'rate_limit',
    { task_name: 'demo.add', rate_limit: '10/m' },
    ['rate demo.add 10/m'],
    { ok: 'new rate limit set successfully' },
  ],
  [
    'rate_limit',
    { task_name: 'demo.add', rate_limit: null },
    ['rate demo.add undefined'],
    { ok: 'rate limit disabled successfully' },
  ],
  [
    'rate_limit',
    { task_name: 'demo.add', rate_limit: '0' },
    ['rate demo.add 0'],
    { ok: 'new rate limit set successfully' },
  ],
  ['rate_limit', { task_name: 'none', rate_limit: 1 }, [], { error: 'unknown task' }],
  [
    'time_limit',
    { task_name: 'demo.add', soft: 1.5, hard: null },
    ['limits demo.add 1500 undefined'],
    { ok: 'time limits set successfully' },
  ],
  ['time_limit', {}, [], { error: 'unknown task' }],
  ['pool_grow', { n: 3 }, ['resize 5'], { ok: 'pool will grow' }],
  ['pool_grow', {}, ['resize 3'], { ok: 'pool will grow' }],
  ['pool_shrink', {}, ['resize 1'], { ok: 'pool will shrink' }],
  ['pool_restart', {}, ['restart'], { ok: 'reload started' }, { settings: { workerPoolRestarts: true } }],
  ['autoscale', { max: 5, min: 1 }, ['autoscale 5 1'], { ok: 'autoscale now max=5 min=1' }, { autoscaler: true }],
  ['autoscale', { max: null }, ['autoscale 6 2'], { ok: 'autoscale now max=6 min=2' }, { autoscaler: true }],
  ['heartbeat', {}, ['heartbeat'], undefined],
  ['heartbeat', {}, [], undefined, { events: 'none' }],
  ['enable_events', {}, [], { error: 'event dispatcher unavailable' }, { events: 'none' }],
  ['election', { id: 'e', topic: 'task' }, ['elect e task'], undefined],
  ['cancel_consumer', { queue: 'q' }, ['cancel q'], { ok: 'no longer consuming from q' }],
  ['shutdown', { msg: 'bye' }, ['shut down'], NO_REPLY],
  ['hello', { from_node: 'w1@vector' }, [], undefined],
]

for (const [method, args, done, reply, options] of DONE) {
  test(`${method} ${JSON.stringify(args).slice(0, 60)} does ${done.join(', ') || 'nothing'}`, () => {
    const held = [heldTask('active', { id: 'h' as TaskId, stamps: { team: ['blue'] }, stampedHeaders: ['team'] })]
    const view = new FakeView({ tasks: { 'demo.add': {} }, held, ...options })
    assert.deepEqual(run(method, args, view), reply)
    assert.deepEqual(view.done, done)
  })
}

test('add_consumer declares the queue as it is asked for', () => {
  const view = new FakeView()
  const options = { durable: false, max_priority: 5, message_ttl: 1.5, queue_arguments: { 'x-queue-mode': 'lazy' } }
  run('add_consumer', { queue: 'q', exchange: 'ex', exchange_type: 'topic', routing_key: 'a.#', ...options }, view)
  const queue = {
    name: 'q',
    exchange: { name: 'ex', type: 'topic' },
    routingKey: 'a.#',
    durable: false,
    maxPriority: 5,
    arguments: { 'x-queue-mode': 'lazy', 'x-message-ttl': 1500 },
  }
  assert.deepEqual(view.done, [`consume ${JSON.stringify(queue)}`])
})

test('add_consumer of a queue that the app knows consumes that one', () => {
  const view = new FakeView({ settings: { taskQueues: { known: { routingKey: 'k', durable: false } } } })
  run('add_consumer', { queue: 'known', exchange_type: 'topic' }, view)
  assert.match(view.done[0] ?? '', /"routingKey":"k","durable":false/)
})

test('hello merges the ids of all forms, and answers with times that are never whole', () => {
  for (const revoked of [{ x: [5, 'x'] }, { x: 5.5 }, ['x']]) {
    const view = new FakeView()
    const reply = run('hello', { from_node: 'other@host', revoked }, view) as {
      readonly revoked: Args
      readonly clock: number
    }
    assert.deepEqual(view.done, ['merge x'])
    assert.deepEqual(Object.keys(reply.revoked), ['22222222-2222-4222-8222-222222222222', 'x'])
    assert.equal(reply.clock, 48)
    for (const entry of Object.values(reply.revoked)) assert.match(printJson(entry), /^\[\d+\.\d+,/)
  }
})

test('the reply to hello stays within what a reply may take, with the newest ids', () => {
  const view = new FakeView()
  const long = Array.from({ length: 20_000 }, (_, i) => `${'x'.repeat(240)}${i}` as TaskId)
  view.revoking.merge(long)
  const reply = run('hello', { from_node: 'other@host' }, view) as { readonly revoked: Args }
  assert.ok(printJson(reply).length < 5 * 1024 * 1024)
  assert.ok(Object.hasOwn(reply.revoked, long.at(-1) as string))
  assert.ok(!Object.hasOwn(reply.revoked, long[0] as string))
})

test('registered tells of no attribute that is not an option of a task', () => {
  const view = new FakeView({ tasks: { 'demo.add': { queue: 'mail' } } })
  const asked = ['queue', 'constructor', 'toString', 'handler', '__proto__']
  assert.deepEqual(run('registered', { taskinfoitems: asked }, view), ['demo.add [queue=mail]'])
})

test('S80 no secret is in conf, report or stats, wherever it stands', () => {
  const secret = 'canary-7f3a'
  const settings = {
    brokerUrl: `amqp://user:${secret}@host/v`,
    resultBackend: `redis://:${secret}@host/1`,
    brokerReadUrl: `amqp://user:${secret}@a;amqp://user:${secret}@b`,
    securityKeyPassword: secret,
    brokerTransportOptions: { sentinelKwargs: { password: secret, nested: { api_token: secret } } },
    taskAnnotations: { 'demo.add': { description: `redis://:${secret}@x` } },
    brokerUseSsl: { keyfile_password: secret, ca_certs: '/a' },
  }
  const view = new FakeView({ settings, brokerUrl: `amqp://user:${secret}@host/v` })
  for (const method of ['conf', 'report', 'stats']) {
    const text = printJson(run(method, { with_defaults: true }, view))
    assert.ok(!text.includes(secret), `${method}: ${text}`)
  }
})

test('conf tells what was given, under Celery’s names and in seconds; with defaults everything', () => {
  const view = new FakeView({ settings: { resultExpires: '1h', taskAcksLate: true } })
  assert.deepEqual(run('conf', {}, view), { result_expires: 3600, task_acks_late: true })
  const all = run('conf', { with_defaults: true }, view) as Args
  assert.equal(all['task_default_queue'], 'celery')
  assert.ok(Object.keys(all).length > 100)
})

test('S82 a worker that keeps its settings to itself says so', () => {
  const view = new FakeView({ settings: { remoteConf: false } })
  assert.throws(() => run('conf', { with_defaults: true }, view), /conf is not allowed here: remoteConf is false/)
})

test('memdump tells the samples since the last dump', () => {
  const view = new FakeView()
  const commands = workerCommands(view)
  assert.equal(commands.run('memsample', {}), '57.191MB')
  commands.run('memsample', {})
  assert.equal(
    commands.run('memdump', {}),
    '- rss (sample):\n-    > 57.191MB,\n-    > 57.191MB,\n- rss (end): 57.191MB.\n',
  )
  assert.equal(commands.run('memdump', {}), '- rss (end): 57.191MB.\n')
})

test('query_task finds what runs or is next, not what waits for its eta', () => {
  const held = [
    heldTask('active', { id: 'a' as TaskId }),
    heldTask('reserved', { id: 'r' as TaskId }),
    heldTask('scheduled', { id: 's' as TaskId, eta: 1 }),
    heldTask('ready', { id: 'y' as TaskId }),
  ]
  const view = new FakeView({ held })
  const found = run('query_task', { ids: ['a', 'r', 's', 'y', 'unknown'] }, view) as Readonly<
    Record<string, readonly unknown[]>
  >
  assert.deepEqual(
    Object.entries(found).map(([id, [state]]) => [id, state]),
    [
      ['a', 'active'],
      ['r', 'reserved'],
      ['y', 'ready'],
    ],
  )
})
