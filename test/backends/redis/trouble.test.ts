import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackendError } from '../../../src/backends/errors.js'
import { type TaskId, taskId } from '../../../src/protocol/ids.js'
import { until } from '../../../src/testing/chaos/waiting.js'
import { redisBackend } from '../../support/backends/redis-place.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'

const missing = redisServerMissing()
const skip = missing === undefined ? {} : { skip: missing }

const id = taskId('t')
const meta = {
  taskId: id,
  status: 'SUCCESS',
  result: 1,
  error: undefined,
  traceback: undefined,
  children: undefined,
  dateDone: undefined,
}
const options = { ttl: undefined, fence: undefined }

test(
  'a server that goes away ends watches with a transient error; calls work again when it is back',
  skip,
  async () => {
    await using server = await privateRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
    await using backend = redisBackend(server.url)
    await backend.store(meta, options)
    const seen: unknown[] = []
    const watching = (async () => {
      for await (const record of backend.watch([id], new AbortController().signal)) {
        seen.push(record.result)
        void server.kill()
      }
    })()
    const isTransient = (error: unknown) => error instanceof BackendError && error.transient
    await assert.rejects(watching, isTransient)
    await assert.rejects(backend.fetch(id), isTransient)
    await server.start()
    assert.equal((await backend.fetch(id))?.result, 1)
    assert.deepEqual(seen, [1])
    const again = backend.watch([id], new AbortController().signal)[Symbol.asyncIterator]()
    assert.equal((await again.next()).value?.result, 1)
    await again.return?.()
  },
)

test('a full server, and a key that holds something else, are errors with a code', skip, async () => {
  await using server = await privateRedis({ config: { 'maxmemory-policy': 'noeviction' } })
  await using backend = redisBackend(server.url)
  const client = await server.client()
  await client.lpush('celery-task-meta-t', 'x')
  await assert.rejects(backend.fetch(id), { code: 'LVG_REDIS_WRONG_TYPE' })
  await client.del('celery-task-meta-t')
  await client.config('SET', 'maxmemory', '1mb')
  await assert.rejects(backend.store(meta, options), { code: 'LVG_REDIS_FULL', transient: true })
  await client.config('SET', 'maxmemory', '0')
  assert.equal(await backend.store(meta, options), 'stored')
})

test('a script cache that was flushed is filled again', skip, async () => {
  await using server = await privateRedis()
  await using backend = redisBackend(server.url)
  const client = await server.client()
  await backend.store({ ...meta, status: 'STARTED' }, options)
  await client.script('FLUSH')
  assert.equal(await backend.store(meta, options), 'stored')
})

test('records of another serializer are judged by what they say', skip, async () => {
  await using server = await privateRedis()
  await using backend = redisBackend(server.url, { serializer: 'json' })
  const client = await server.client()
  await client.set('celery-task-meta-t', '{"result": 2, "status": "SUCCESS", "task_id": "t"}')
  assert.equal(await backend.store({ ...meta, status: 'FAILURE', result: undefined }, options), 'refused')
  await client.set('celery-task-meta-t', 'garbage')
  assert.equal(await backend.store(meta, options), 'stored')
})

test('closed while its first watch is on its way, it leaves no connection behind', skip, async () => {
  await using server = await privateRedis()
  const client = await server.client()
  for (let turns = 0; turns < 30; turns++) {
    const backend = redisBackend(server.url)
    const watching = backend.watch([id], new AbortController().signal)[Symbol.asyncIterator]().next()
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    await backend[Symbol.asyncDispose]()
    await watching
  }
  await until('them to be gone', async () => !String(await client.client('LIST')).includes('name=lovage'))
})

test(
  'a look that finds nothing is the last question of a watch; one that finds something asks what came meanwhile',
  skip,
  async () => {
    await using server = await privateRedis()
    await using backend = redisBackend(server.url)
    const client = await server.client()
    const calls = async (command: string) =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(String(await client.info('commandstats')))?.[1] ?? 0)
    const watched = async (of: TaskId, meanwhile: () => Promise<unknown>) => {
      const before = { pings: await calls('ping'), looks: await calls('mget') }
      const records = backend.watch([of], new AbortController().signal)[Symbol.asyncIterator]()
      const record = records.next()
      await until('the look', async () => (await calls('mget')) > before.looks)
      await meanwhile()
      assert.equal((await record).value?.result, 1)
      await records.return?.()
      return (await calls('ping')) - before.pings
    }
    await backend.store(meta, options)
    // Its two connections have greeted the server by then.
    await watched(id, async () => undefined)
    const other = taskId('u')
    assert.equal(await watched(other, () => backend.store({ ...meta, taskId: other }, options)), 0)
    assert.equal(await watched(id, async () => undefined), 1)
  },
)
