import {
  type Attributes,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { App } from '../app/app.js'
import { runningTask } from '../app/current-task.js'
import { Ignore, Reject, Retry } from '../app/errors.js'
import type { Extension } from '../app/extension.js'
import type { Address } from '../brokers/broker.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'

export interface OpenTelemetryOptions {
  /** Default: the global one, as your SDK has set it. */
  readonly tracerProvider?: TracerProvider
}

/** Header with the epoch ms at which a message was sent; Python takes no notice of it. */
const SENT_AT = 'x-lovage-sent-at'

/**
 * Spans for what is sent, waits and runs: `app.use(openTelemetry(app))`, in clients and workers.
 *
 * | span | kind | from, to |
 * | --- | --- | --- |
 * | `apply_async/<task>` | producer | the call, until the broker has the message |
 * | `wait/<task>` | internal | sent (or its eta), until the handler is entered; for messages sent by Lovage |
 * | `run/<task>` | consumer | the handler |
 *
 * Names, attributes and carrier are those of Python's `opentelemetry-instrumentation-celery`: W3C `traceparent` and
 * `tracestate` (or whatever your propagator writes) stand among the headers of the message, so that a trace goes on across
 * languages. `wait` is ours.
 */
export function openTelemetry(app: Pick<App, 'runtime'>, options: OpenTelemetryOptions = {}): Extension {
  const tracer = (): Tracer => (options.tracerProvider ?? trace).getTracer('lovage')
  const now = (): number => app.runtime.clock.now()
  return {
    name: 'opentelemetry',
    publish: (message, next, to) => send(message, next, to, tracer(), now()),
    execute: (request, next) => run(request, next, tracer(), now()),
  }
}

async function send(
  message: Message,
  next: (message: Message) => Promise<void>,
  to: Address,
  tracer: Tracer,
  now: number,
): Promise<void> {
  const { task, id } = message.headers
  const name = typeof task === 'string' ? task : 'unknown'
  const attributes: Attributes = {
    'celery.action': 'apply_async',
    'celery.task_name': name,
    ...(typeof id === 'string' ? { 'messaging.message.id': id } : {}),
    ...(to.exchange === '' ? {} : { 'celery.exchange': to.exchange }),
    'messaging.destination': to.routingKey,
  }
  const span = tracer.startSpan(`apply_async/${name}`, { kind: SpanKind.PRODUCER, attributes })
  const within = trace.setSpan(context.active(), span)
  const carrier: Record<string, unknown> = { [SENT_AT]: now }
  propagation.inject(within, carrier)
  try {
    await context.with(within, () => next({ ...message, headers: { ...message.headers, ...carrier } }))
  } catch (error) {
    fail(span, error)
    throw error
  } finally {
    span.end()
  }
}

async function run(request: TaskRequest, next: () => Promise<unknown>, tracer: Tracer, now: number): Promise<unknown> {
  const parent = propagation.extract(context.active(), request.headers)
  tellWait(request, parent, tracer, now)
  const span = tracer.startSpan(`run/${request.task}`, { kind: SpanKind.CONSUMER, attributes: runOf(request) }, parent)
  try {
    const value = await context.with(trace.setSpan(parent, span), next)
    span.setAttribute('celery.state', runningTask()?.retryAsked === undefined ? 'SUCCESS' : 'RETRY')
    return value
  } catch (error) {
    ended(span, error)
    throw error
  } finally {
    span.end()
  }
}

function tellWait({ headers, task, eta }: TaskRequest, parent: Context, tracer: Tracer, now: number): void {
  const sentAt = headers[SENT_AT]
  if (typeof sentAt !== 'number' || !Number.isFinite(sentAt)) return
  // Clocks of two hosts may differ: nobody waits for less than nothing.
  const from = Math.min(now, Math.max(sentAt, eta ?? 0))
  const attributes = { 'celery.task_name': task }
  tracer.startSpan(`wait/${task}`, { kind: SpanKind.INTERNAL, startTime: from, attributes }, parent).end(now)
}

/** Attributes of Python's package. Source: its utils.py `set_attributes_from_context`. */
function runOf(request: TaskRequest): Attributes {
  const { id, task, retries, origin, replyTo, correlationId, timeLimit, softTimeLimit, eta, expires } = request
  const delivery = runningTask()?.deliveryInfo
  const limits = [timeLimit, softTimeLimit].map(ms => (ms === undefined ? '' : String(ms / 1000)))
  const iso = (at: number): string => new Date(at).toISOString()
  return {
    'celery.action': 'run',
    'celery.task_name': task,
    'messaging.message.id': id,
    ...(correlationId === undefined ? {} : { 'messaging.conversation_id': correlationId }),
    ...(delivery === undefined ? {} : { 'messaging.destination': delivery.routingKey }),
    ...(delivery === undefined ? {} : { 'celery.delivery_info': JSON.stringify(delivery) }),
    ...(retries === 0 ? {} : { 'celery.retries': retries }),
    ...(origin === undefined ? {} : { 'celery.hostname': origin }),
    ...(replyTo === undefined ? {} : { 'celery.reply_to': replyTo }),
    ...(limits.every(limit => limit === '') ? {} : { 'celery.timelimit': limits }),
    ...(eta === undefined ? {} : { 'celery.eta': iso(eta) }),
    ...(expires === undefined ? {} : { 'celery.expires': iso(expires) }),
  }
}

function ended(span: Span, error: unknown): void {
  if (error instanceof Retry) {
    span.setAttribute('celery.retry.reason', String(error.request.error ?? error.message))
    span.setAttribute('celery.state', 'RETRY')
  } else if (error instanceof Ignore || error instanceof Reject) {
    span.setAttribute('celery.state', error instanceof Ignore ? 'IGNORED' : 'REJECTED')
  } else {
    span.setAttribute('celery.state', 'FAILURE')
    fail(span, error)
  }
}

function fail(span: Span, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  span.recordException(error instanceof Error ? error : text)
  span.setStatus({ code: SpanStatusCode.ERROR, message: text })
}
