import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { App } from '../../src/app/app.js'
import { openTelemetry } from '../../src/telemetry/otel.js'
import { Worker } from '../../src/worker/worker.js'
import { LoggedProcess } from '../support/python/logged-process.js'
import { celeryMissing, PYTHON } from '../support/python/python.js'
import { repositoryRoot } from '../support/repository.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'
import { MemoryLines } from '../support/worker/rig.js'

/* One trace across the languages; Python's side writes and reads the carrier as its instrumentation does. */

const missing = celeryMissing() ?? (await redisMissing())
const needs = missing === undefined ? {} : { skip: missing }
const FOLDER = join(repositoryRoot(), 'test', 'telemetry', 'python')
const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

before(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
})

after(() => {
  context.disable()
  propagation.disable()
})

test('a trace goes on from Lovage to Python and from Python to Lovage', needs, async () => {
  await using database = await redisDatabase()
  const env = { TRACED_URL: database.url }
  await using app = new App('traced', { brokerUrl: database.url, resultBackend: database.url, logLevel: 'critical' })
  app.use(openTelemetry(app, { tracerProvider }))
  app.task('traced.run', () => 'ran')

  const words = [
    '-m',
    'celery',
    '-A',
    'traced',
    'worker',
    '-P',
    'solo',
    '-l',
    'INFO',
    '--without-gossip',
    '--without-mingle',
  ]
  await using python = new LoggedProcess('Celery worker', [PYTHON, ...words], { cwd: FOLDER, env })
  await python.says(/ ready\./)
  const sent = await app.sendTask<string>('traced.parent', [], { queue: 'traced.py' })
  const traceparent = await sent.get({ timeout: 60 })
  const [span] = exporter.getFinishedSpans().filter(({ name }) => name === 'apply_async/traced.parent')
  assert.equal(traceparent, `00-${span?.spanContext().traceId}-${span?.spanContext().spanId}-01`)

  const worker = new Worker(app, { name: 'w@here', queues: ['traced.ts'] }, { spool: new MemoryLines() })
  await worker.start()
  const theirs = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await using client = new LoggedProcess('Celery client', [PYTHON, 'traced.py', theirs], { cwd: FOLDER, env })
  await client.ended
  await worker.stop('warm')
  const [ran] = exporter.getFinishedSpans().filter(({ name }) => name === 'run/traced.run')
  assert.equal(ran?.spanContext().traceId, '0af7651916cd43dd8448eb211c80319c')
  assert.equal(ran?.parentSpanContext?.spanId, 'b7ad6b7169203331')
})
