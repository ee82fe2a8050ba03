import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { openTelemetry } from '../../src/telemetry/otel.js'
import { Worker } from '../../src/worker/worker.js'
import { MemoryLines } from '../support/worker/rig.js'
import { sig } from '../support/worker/stage.js'

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

/** An app and its worker in this process, and the spans that come of what `play` does. */
async function spansOf(play: (app: App) => Promise<void>, until: number): Promise<readonly ReadableSpan[]> {
  exporter.reset()
  const app = new App('traced', { brokerUrl: 'memory://', resultBackend: 'cache+memory://', logLevel: 'critical' })
  app.use(openTelemetry(app, { tracerProvider }))
  app.task('demo.add', (x: number, y: number) => x + y)
  app.task('demo.bad', () => {
    throw new RangeError('no')
  })
  app.task('demo.again', () => {
    if (currentTask().retries === 0) throw currentTask().retry({ countdown: 0, error: new Error('not yet') })
    return 'at last'
  })
  app.task('demo.outer', async () => {
    await app.sendTask('demo.add', [3, 4], { taskId: 'inner' })
  })
  const worker = new Worker(app, { name: 'w@here' }, { spool: new MemoryLines() })
  await worker.start()
  try {
    await play(app)
    const deadline = Date.now() + 30_000
    while (exporter.getFinishedSpans().length < until && Date.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    return exporter.getFinishedSpans()
  } finally {
    await worker.stop('warm')
    await app[Symbol.asyncDispose]()
  }
}

function named(spans: readonly ReadableSpan[], name: string): ReadableSpan {
  const span = spans.find(each => each.name === name)
  assert.ok(span !== undefined, `${name} is not among ${spans.map(each => each.name).join(', ')}`)
  return span
}

const traceOf = (span: ReadableSpan): string => span.spanContext().traceId
const idOf = (span: ReadableSpan): string => span.spanContext().spanId

describe('OpenTelemetry', () => {
  test('sending, waiting and running are spans of one trace, named and described as Python’s instrumentation does', async () => {
    const spans = await spansOf(async app => void (await app.sendTask('demo.add', [1, 2], { taskId: 'a' })), 3)
    const [sent, waited, ran] = ['apply_async/demo.add', 'wait/demo.add', 'run/demo.add'].map(n => named(spans, n))
    assert.ok(sent !== undefined && waited !== undefined && ran !== undefined)
    assert.deepEqual([sent.kind, waited.kind, ran.kind], [SpanKind.PRODUCER, SpanKind.INTERNAL, SpanKind.CONSUMER])
    assert.deepEqual([traceOf(waited), traceOf(ran)], [traceOf(sent), traceOf(sent)])
    assert.deepEqual([waited.parentSpanContext?.spanId, ran.parentSpanContext?.spanId], [idOf(sent), idOf(sent)])
    assert.deepEqual(
      { ...sent.attributes },
      {
        'celery.action': 'apply_async',
        'celery.task_name': 'demo.add',
        'messaging.message.id': 'a',
        'messaging.destination': 'celery',
      },
    )
    const { 'celery.delivery_info': delivery, 'celery.hostname': hostname, ...rest } = ran.attributes
    assert.equal(JSON.parse(String(delivery)).queue, 'celery')
    assert.match(String(hostname), /^gen\d+@/)
    assert.equal(rest['messaging.conversation_id'], 'a')
    assert.deepEqual(
      [rest['celery.action'], rest['celery.task_name'], rest['messaging.message.id'], rest['celery.state']],
      ['run', 'demo.add', 'a', 'SUCCESS'],
    )
  })

  test('a failure is an error with its exception; a retry names its reason and is none', async () => {
    const spans = await spansOf(async app => {
      await app.sendTask('demo.bad', [], { taskId: 'b' })
      await app.sendTask('demo.again', [], { taskId: 'r' })
    }, 8)
    const bad = named(spans, 'run/demo.bad')
    assert.equal(bad.status.code, SpanStatusCode.ERROR)
    assert.equal(bad.events[0]?.attributes?.['exception.type'], 'RangeError')
    const tries = spans.filter(({ name }) => name === 'run/demo.again')
    assert.deepEqual(
      tries.map(({ attributes }) => [
        attributes['celery.state'],
        attributes['celery.retry.reason'],
        attributes['celery.retries'],
      ]),
      [
        ['RETRY', 'Error: not yet', undefined],
        ['SUCCESS', undefined, 1],
      ],
    )
    assert.equal(new Set(tries.map(traceOf)).size, 1)
    assert.ok(tries.every(({ status }) => status.code === SpanStatusCode.UNSET))
  })

  test('what a task sends belongs below its run; what follows it in a chain belongs to its trace', async () => {
    const spans = await spansOf(async app => {
      await app.sendTask('demo.outer', [], { taskId: 'o' })
      await app.sendTask('demo.add', [1, 2], { taskId: 'first', link: sig('demo.add', 'n', [1]) })
    }, 12)
    const outer = named(spans, 'run/demo.outer')
    const inner = spans.find(s => s.name === 'apply_async/demo.add' && s.attributes['messaging.message.id'] === 'inner')
    assert.equal(inner?.parentSpanContext?.spanId, idOf(outer))
    const of = (id: string) => spans.find(s => s.name === 'run/demo.add' && s.attributes['messaging.message.id'] === id)
    const [first, linked] = [of('first'), of('n')]
    assert.ok(first !== undefined && linked !== undefined)
    assert.equal(traceOf(linked), traceOf(first))
  })

  test('without a parent in the message a run begins a trace', async () => {
    const spans = await spansOf(async app => {
      const bare = new App('bare', {}, { broker: await app.broker() })
      await bare.sendTask('demo.add', [1, 2], { taskId: 'a' })
    }, 1)
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['run/demo.add'],
    )
    assert.equal(named(spans, 'run/demo.add').parentSpanContext, undefined)
  })

  test('a parent that Python’s instrumentation wrote is taken: traceparent among the headers of the message', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const spans = await spansOf(async app => {
      const bare = new App('bare', {}, { broker: await app.broker() })
      await bare.sendTask('demo.add', [1, 2], { taskId: 'a', headers: { traceparent } })
    }, 1)
    const ran = named(spans, 'run/demo.add')
    assert.equal(traceOf(ran), '0af7651916cd43dd8448eb211c80319c')
    assert.equal(ran.parentSpanContext?.spanId, 'b7ad6b7169203331')
    assert.equal(trace.isSpanContextValid(ran.spanContext()), true)
  })
})
