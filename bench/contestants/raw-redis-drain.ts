import { Meter } from '../meter.js'
import { noopApp, publish } from '../noop-app.js'
import { loadIoredis } from '../peers/ioredis.js'
import { redisPlace } from '../places.js'
import type { Contestant } from '../row.js'
import { REDIS_URL } from '../servers.js'
import type { Drain } from './drain.js'

/** Messages per claim. */
const BATCH = 100

/** Pops a batch and remembers each message under a tag, so that none is lost; then forgets the tags it is told. */
const CLAIM = `
local taken = {}
for i = 1, tonumber(ARGV[1]) do
  local message = redis.call('RPOP', KEYS[1])
  if not message then break end
  local tag = redis.call('INCR', 'tags')
  redis.call('HSET', 'unacked', tag, message)
  redis.call('ZADD', 'unacked_index', ARGV[2], tag)
  taken[#taken + 1] = tag
  taken[#taken + 1] = message
end
return taken`

/** The smallest worker there can be on Redis: an atomic claim, decode, call, store, ack, each for a batch at a time. */
export function rawRedisDrain({ tasks, results }: Drain): Contestant {
  const place = redisPlace()
  return {
    name: 'ioredis, bare',
    run: async () => {
      await place.empty()
      const bench = noopApp({ ...place.settings, taskIgnoreResult: true })
      await publish(bench, tasks)
      await bench.app[Symbol.asyncDispose]()
      const redis = new (loadIoredis())(REDIS_URL)
      const meter = new Meter(tasks)
      for (let done = 0; done < tasks; ) {
        const taken = (await redis.eval(CLAIM, 1, 'celery', BATCH, Date.now())) as (string | number)[]
        const batch = redis.pipeline()
        const tags: string[] = []
        for (let i = 0; i < taken.length; i += 2) {
          tags.push(String(taken[i]))
          const { body, headers } = JSON.parse(String(taken[i + 1])) as { body: string; headers: { id: string } }
          const [[a]] = JSON.parse(Buffer.from(body, 'base64').toString()) as [[number]]
          meter.ran()
          if (results) storeResult(batch, headers.id, a)
        }
        batch.hdel('unacked', ...tags).zrem('unacked_index', ...tags)
        await batch.exec()
        done += tags.length
      }
      redis.disconnect()
      return await meter.done
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

type Pipeline = ReturnType<InstanceType<ReturnType<typeof loadIoredis>>['pipeline']>

function storeResult(batch: Pipeline, id: string, result: number): void {
  const meta = JSON.stringify({ status: 'SUCCESS', result, traceback: null, children: [], task_id: id })
  batch.setex(`celery-task-meta-${id}`, 86_400, meta)
  batch.publish(`celery-task-meta-${id}`, meta)
}
