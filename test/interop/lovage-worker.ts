import { join } from 'node:path'
import { Worker } from '../../src/worker/worker.js'
import { MemoryLines } from '../support/worker/rig.js'
import { app, redis } from './interop-app.js'

/*
 * A Lovage worker with the tasks of interop-app.ts; LOVAGE_NODENAME, LOVAGE_QUEUES and LOVAGE_POOL say which. It says `ready` when
 * it consumes.
 */

const { env } = process
const worker = new Worker(
  app,
  {
    name: env['LOVAGE_NODENAME'] ?? 'ts@interop',
    concurrency: Number(env['LOVAGE_CONCURRENCY'] ?? 4),
    queues: (env['LOVAGE_QUEUES'] ?? 'celery').split(','),
    pool: env['LOVAGE_POOL'] ?? 'inline',
    module: join(import.meta.dirname, 'interop-app.js'),
  },
  { spool: new MemoryLines() },
)
process.once('SIGTERM', () => void worker.stop('warm'))
await worker.start()
console.log('ready')
await worker.closed
await app[Symbol.asyncDispose]()
redis.disconnect()
