import { Redis } from 'ioredis'
import { App } from '../../src/app/app.js'
import { createLog } from '../../src/lib/log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { Worker } from '../../src/worker/worker.js'
import { MemoryLines } from '../support/worker/rig.js'
import { registerInteropTasks } from './tasks.js'

/*
 * A Lovage worker that says on standard output what it hears of its neighbours; configured by LOVAGE_BROKER, LOVAGE_BACKEND,
 * LOVAGE_REDIS, LOVAGE_NODENAME, LOVAGE_QUEUES.
 */

const { env } = process
const log = createLog({ write: (_level, message) => console.log(message) }, 'debug')
const redis = new Redis(env['LOVAGE_REDIS'] ?? '', { protocol: 2, replyMapping: 'legacy' } as never)
const app = new App(
  'interop',
  {
    brokerUrl: env['LOVAGE_BROKER'] ?? '',
    resultBackend: env['LOVAGE_BACKEND'] ?? '',
    acceptContent: ['json', 'yaml', 'msgpack', 'pickle'],
    workerSendTaskEvents: true,
  },
  { runtime: nodeRuntime({ log }) },
)
registerInteropTasks(app, {
  rpush: (key, value) => redis.rpush(key, value),
  incr: key => redis.incr(key),
})
const worker = new Worker(
  app,
  {
    name: env['LOVAGE_NODENAME'] ?? 'ts@interop',
    concurrency: 2,
    queues: (env['LOVAGE_QUEUES'] ?? 'celery').split(','),
  },
  { spool: new MemoryLines() },
)
process.once('SIGTERM', () => void worker.stop('warm'))
await worker.start()
console.log('ready')
await worker.closed
await app[Symbol.asyncDispose]()
redis.disconnect()
