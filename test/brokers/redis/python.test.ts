import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { after, test } from 'node:test'
import { queueName, taskId } from '../../../src/protocol/ids.js'
import { redisBackend } from '../../support/backends/redis-place.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'
import { connect, eventually } from './rig.js'

/* The same queues and results, used by Python's own Kombu and Celery. */

const PYTHON = process.env['LOVAGE_TEST_PYTHON'] ?? '/usr/bin/python3'

function pythonMissing(): string | undefined {
  const found = spawnSync(PYTHON, ['-c', 'import celery, kombu, redis'], { stdio: 'ignore' })
  return found.status === 0 ? undefined : `needs a Python with celery and redis at ${PYTHON}`
}

const missing = (await redisMissing()) ?? pythonMissing()
const skip = missing === undefined ? {} : { skip: missing }
const database = missing === undefined ? await redisDatabase() : undefined
after(() => database?.[Symbol.asyncDispose]())

const CELERY = queueName('celery')
const QUEUE = { name: CELERY, exchange: { name: 'celery', type: 'direct' } } as const

/** Runs a program with `url` and `app`; what it prints. */
function python(url: string, program: string): string {
  const head = `
import json, sys, time
from kombu import Connection, Exchange, Queue
from celery import Celery
url = ${JSON.stringify(url)}
app = Celery('t', broker=url, backend=url)
app.conf.broker_transport_options = {'visibility_timeout': 2, 'unacked_restore_limit': 100}
queue = Queue('celery', Exchange('celery'), 'celery')
`
  return execFileSync(PYTHON, ['-c', head + program], { encoding: 'utf8', timeout: 60_000 }).trim()
}

async function fresh() {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  return database
}

test('Python publishes, Lovage takes, with priorities in one order', skip, async () => {
  const { url } = await fresh()
  python(url, `for i, priority in ((0, 9), (1, 0), (2, 3)): app.send_task('t', [i], priority=priority)`)
  await using rig = await connect(url)
  const deliveries = await rig.connection.get(CELERY, 10)
  const args = deliveries.map(({ message }) => JSON.parse(Buffer.from(message.body).toString())[0][0])
  assert.deepEqual(args, [1, 2, 0])
  assert.deepEqual(
    [deliveries[0]?.message.headers['task'], deliveries[0]?.exchange, deliveries[0]?.routingKey],
    ['t', '', 'celery'],
  )
})

test('Lovage publishes, Python takes and acknowledges, and nothing stays', skip, async () => {
  const { url, client } = await fresh()
  await using rig = await connect(url)
  await rig.connection.declare({ queues: [QUEUE] })
  const message = {
    headers: { task: 't', id: 'i', lang: 'js' },
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId: 'i',
      priority: 3,
      deliveryMode: 2,
    },
    body: Buffer.from('[[1, "ü"], {}, {}]'),
  }
  await rig.connection.publish(message, { exchange: 'celery', routingKey: 'celery' }, { publishId: 'x' })
  const said = python(
    url,
    `
def take(body, message):
    print(json.dumps([body, message.headers, message.properties['correlation_id'], message.properties['priority'], message.delivery_info['routing_key']]))
    message.ack()
with Connection(url) as c:
    with c.Consumer(queue, callbacks=[take]): c.drain_events(timeout=20)
`,
  )
  assert.deepEqual(JSON.parse(said), [[[1, 'ü'], {}, {}], { task: 't', id: 'i', lang: 'js' }, 'i', 3, 'celery'])
  assert.equal(await client.exists('unacked', 'unacked_index'), 0)
})

test('D36 F68 what a dead Python worker held is put back by Lovage after the visibility timeout', skip, async () => {
  const { url, client } = await fresh()
  python(
    url,
    `
app.send_task('t', [7])
import os
with Connection(url) as c:
    channel = c.channel()
    consumer = c.Consumer(queue, callbacks=[lambda body, message: os._exit(0)])
    consumer.consume()
    c.drain_events(timeout=20)
`,
  )
  assert.equal(await client.hlen('unacked'), 1)
  await using rig = await connect(url, { visibilityMs: 2000 })
  const delivery = await eventually('the message', async () => (await rig.connection.get(CELERY, 1))[0])
  assert.equal(delivery.redelivered, true)
  assert.equal(delivery.message.headers['redelivered'], true)
  assert.equal(await delivery.ack(), 'settled')
})

test(
  'D35 Python takes nothing back that a live Lovage worker holds, three times longer than its timeout',
  skip,
  async () => {
    const { url, client } = await fresh()
    await using rig = await connect(url, { visibilityMs: 2000 })
    python(url, `app.send_task('t', [8])`)
    const [delivery] = await rig.connection.get(CELERY, 1)
    assert.ok(delivery !== undefined)
    const restored = python(
      url,
      `
taken = []
with Connection(url, transport_options={'visibility_timeout': 2}) as c:
    channel = c.channel()
    with c.Consumer(queue, callbacks=[lambda body, message: taken.append(body)]):
        end = time.time() + 6.5
        while time.time() < end:
            channel.qos.restore_visible(num=100)
            try: c.drain_events(timeout=0.3)
            except Exception as error: pass
print(len(taken))
`,
    )
    assert.equal(restored, '0')
    assert.equal(await delivery.ack(), 'settled')
    assert.equal(await client.exists('unacked', 'unacked_index', 'celery'), 0)
  },
)

test('D36 F68 what a dead Lovage worker held is put back by Python, in its queue, once', skip, async () => {
  const { url, client } = await fresh()
  python(url, `app.send_task('t', [9])`)
  {
    await using rig = await connect(url)
    const [delivery] = await rig.connection.get(CELERY, 1)
    assert.ok(delivery !== undefined)
    // Its end, without a word: everything of it stays.
    const [token = '', value = ''] = (await client.hgetall('unacked').then(Object.entries))[0] as [string, string]
    await delivery.ack()
    await client.hset('unacked', token, value)
    await client.zadd('unacked_index', Date.now() / 1000 - 60, token)
    await client.zadd('lovage.lease', Date.now() + 60_000, token)
  }
  const said = python(
    url,
    `
with Connection(url, transport_options={'visibility_timeout': 2}) as c:
    c.channel().qos.restore_visible(num=100)
    got = queue(c.channel()).get(no_ack=True)
    print(json.dumps([got.payload[0], got.headers['redelivered']]))
`,
  )
  assert.deepEqual(JSON.parse(said), [[9], true])
  assert.equal(await client.exists('unacked', 'unacked_index'), 0)
})

test('results: what Lovage stores Python reads, and the reverse', skip, async () => {
  const { url } = await fresh()
  await using backend = redisBackend(url)
  const id = taskId('6b4b1d6e-0000-4000-8000-000000000001')
  const record = { taskId: id, status: 'SUCCESS', result: { a: [1, 'ü'] }, error: undefined, traceback: undefined }
  await backend.store(
    { ...record, children: [], dateDone: '2026-11-20T08:51:09.816613+00:00' },
    { ttl: 60_000, fence: undefined },
  )
  const said = python(
    url,
    `
print(json.dumps(app.AsyncResult('${id}').get(timeout=20)))
app.backend.store_result('other', {'b': 2}, 'SUCCESS')
app.backend.store_result('${id}', 'late', 'FAILURE')
`,
  )
  assert.deepEqual(JSON.parse(said), { a: [1, 'ü'] })
  assert.deepEqual((await backend.fetch(taskId('other')))?.result, { b: 2 })
  assert.equal((await backend.fetch(id))?.status, 'SUCCESS')
})

test('D74 parts of one chord, finished here and there, are counted together', skip, async () => {
  const { url } = await fresh()
  await using backend = redisBackend(url)
  const chord = 'c0ffee00-0000-4000-8000-000000000001'
  const arrive = (index: number) => {
    const id = taskId(`part-${index}`)
    const record = { taskId: id, status: 'SUCCESS', result: index, error: undefined, traceback: undefined }
    const meta = { ...record, children: undefined, dateDone: undefined }
    return backend.arrive({ chord: chord as never, index, taskId: id, meta, size: undefined }, 60_000)
  }
  const theirs = (index: number): string =>
    python(
      url,
      `
from celery.app.task import Context
import celery.backends.redis as module
fired = []
body = {'task': 'body', 'args': [], 'kwargs': {}, 'options': {'task_id': 'b'}, 'subtask_type': None, 'chord_size': None, 'immutable': False}
@app.task(name='body')
def body_task(values): pass
from celery import maybe_signature
import celery.canvas
sig = maybe_signature(body, app=app)
type(sig).delay = lambda self, values: fired.append(values)
request = Context(id='part-${index}', group='${chord}', group_index=${index}, chord=sig)
app.backend.on_chord_part_return(request, 'SUCCESS', ${index})
print(json.dumps(fired))
`,
    )
  await backend.setChordSize(chord as never, 4, 60_000)
  assert.equal((await arrive(2)).kind, 'waiting')
  assert.equal(theirs(0), '[]')
  assert.equal((await arrive(2)).kind, 'waiting')
  assert.equal((await arrive(3)).kind, 'waiting')
  assert.deepEqual(JSON.parse(theirs(1)), [[0, 1, 2, 3]])

  await backend.setChordSize('other' as never, 2, 60_000)
  python(
    url,
    `
from celery.app.task import Context
from celery import maybe_signature
sig = maybe_signature({'task': 'body', 'args': [], 'kwargs': {}, 'options': {}, 'subtask_type': None, 'immutable': False}, app=app)
app.backend.on_chord_part_return(Context(id='p', group='other', group_index=1, chord=sig), 'SUCCESS', 'theirs')
`,
  )
  const id = taskId('q')
  const record = { taskId: id, status: 'SUCCESS', result: 'ours', error: undefined, traceback: undefined }
  const meta = { ...record, children: undefined, dateDone: undefined }
  const arrival = await backend.arrive({ chord: 'other' as never, index: 0, taskId: id, meta, size: undefined }, 60_000)
  assert.deepEqual(arrival.kind === 'complete' ? arrival.parts.map(part => part.result) : arrival, ['ours', 'theirs'])
})
