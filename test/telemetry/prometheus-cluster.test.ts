import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../src/brokers/memory/memory-queue-store.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { prometheusCluster } from '../../src/telemetry/prometheus-cluster.js'
import { Worker } from '../../src/worker/worker.js'
import { celeryMissing } from '../support/python/python.js'
import { pythonWorker } from '../support/python/python-worker.js'
import { eventually, openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'
import { MemoryLines } from '../support/worker/rig.js'

test('of each queue it tells what waits, and which workers and processes serve it', async () => {
  const { log } = memoryLog()
  const runtime = nodeRuntime({ log })
  const broker = createMemoryBroker({ runtime, store: new MemoryQueueStore(runtime) })
  const settings = { resultBackend: 'disabled', taskRoutes: { 'late.*': { queue: 'late' } } }
  await using app = new App('shop', settings, { runtime, broker, environment: {} })
  const worker = (name: string, queues: readonly string[]): Worker =>
    new Worker(app, { name, queues, concurrency: 2 }, { spool: new MemoryLines() })
  await using first = worker('one@shop', ['celery', 'mail'])
  await using second = worker('two@shop', ['mail'])
  await first.start()
  await second.start()
  for (let n = 0; n < 3; n++) await app.sendTask('late.one')

  const { body } = (await prometheusCluster(app).metrics()) ?? {}

  for (const line of [
    'celery_queue_length{queue_name="late"} 3',
    'celery_queue_length{queue_name="mail"} 0',
    'celery_active_consumer_count{queue_name="late"} 0',
    'celery_active_consumer_count{queue_name="mail"} 2',
    'celery_active_worker_count{queue_name="celery"} 1',
    'celery_active_worker_count{queue_name="mail"} 2',
    'celery_active_worker_count{queue_name="late"} 0',
    'celery_active_process_count{queue_name="mail"} 2',
  ]) {
    assert.ok(body.split('\n').includes(line), `${line} is not in\n${body}`)
  }
})

test('where nothing can be asked the page is empty, and the log says why', async () => {
  const { log, lines } = memoryLog()
  const settings = { brokerUrl: 'redis://127.0.0.1:1/0', resultBackend: 'disabled', brokerConnectionTimeout: 1 }
  await using app = new App('shop', settings, { runtime: nodeRuntime({ log }), environment: {} })
  const { body } = await prometheusCluster(app).metrics()
  assert.doesNotMatch(body, /^celery_\w+\{/m)
  assert.match(lines.map(({ message }) => message).join('\n'), /Metrics of the cluster are missing/)
})

test('workers of Celery count by their processes', {
  skip: celeryMissing() ?? (await rabbitMqMissing()) ?? false,
}, async () => {
  await using rabbit = await openRabbitMq('metrics')
  const env = { LOVAGE_BROKER: rabbit.url, LOVAGE_BACKEND: 'disabled://', LOVAGE_REDIS: 'redis://127.0.0.1:6379/5' }
  await using _worker = await pythonWorker('py@metrics', { env, queues: ['py'], concurrency: 3 })
  await using app = new App('shop', { brokerUrl: rabbit.url, resultBackend: 'disabled' }, { environment: {} })
  const metrics = prometheusCluster(app, { timeout: 3 })
  // A busy machine may keep the worker from answering in time.
  await eventually('the worker and its processes', async () => {
    const lines = (await metrics.metrics()).body.split('\n')
    const one = lines.includes('celery_active_worker_count{queue_name="py"} 1')
    return one && lines.includes('celery_active_process_count{queue_name="py"} 3')
  })
})
