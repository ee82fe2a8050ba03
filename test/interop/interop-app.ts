import { Redis } from 'ioredis'
import { App } from '../../src/app/app.js'
import { registerInteropTasks } from './tasks.js'

/*
 * The app of the Lovage worker, here and in the children of its pool: the counterparts of python/pyapp.py, configured by the same
 * environment: LOVAGE_BROKER, LOVAGE_BACKEND, LOVAGE_REDIS, LOVAGE_CONFIG.
 */

const { env } = process
export const redis: Redis = new Redis(env['LOVAGE_REDIS'] ?? '', {
  protocol: 2,
  replyMapping: 'legacy',
  lazyConnect: true,
} as never)
export const app: App = new App('interop', {
  brokerUrl: env['LOVAGE_BROKER'] ?? '',
  resultBackend: env['LOVAGE_BACKEND'] ?? '',
  acceptContent: ['json', 'yaml', 'msgpack', 'pickle'],
  resultExtended: true,
  taskTrackStarted: true,
  workerPrefetchMultiplier: 1,
  resultExpires: 3600,
  unknownTask: 'reject',
  workerSendTaskEvents: true,
  chordSweepInterval: 5,
  ...JSON.parse(env['LOVAGE_CONFIG'] ?? '{}'),
})
registerInteropTasks(app, {
  rpush: (key, value) => redis.rpush(key, value),
  incr: key => redis.incr(key),
})
