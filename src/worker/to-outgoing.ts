import type { App } from '../app/app.js'
import { outgoing } from '../app/outgoing.js'
import { type Broker, keepsDelays } from '../brokers/broker.js'
import { encodeRetry } from '../protocol/encode-retry.js'
import type { TaskRequest } from '../protocol/request.js'
import type { OutgoingTask } from './effect.js'
import type { SettleContext } from './settle-context.js'
import type { Outgoing } from './world.js'

/** The message that a worker sends for what follows a task: a retry of it, or another task. */
export function toOutgoing(task: OutgoingTask, context: SettleContext, app: App, broker: Broker): Outgoing {
  if (task.kind === 'retry') return retryOutgoing(task, context, app, broker)
  const { signature, parentId, rootId, priority, publishId } = task
  const prepared = inTrace(outgoing(app, signature, { parentId, rootId, priority, publishId }), context.request)
  return keepsDelays(broker.features) ? prepared : { ...prepared, notBefore: undefined }
}

/** W3C trace context goes on from step to step of a workflow, also through workers that know nothing of tracing. */
function inTrace(prepared: Outgoing, { headers }: TaskRequest): Outgoing {
  const carried = TRACE_HEADERS.filter(name => headers[name] !== undefined)
  if (carried.length === 0) return prepared
  const trace = Object.fromEntries(carried.map(name => [name, headers[name]]))
  return { ...prepared, message: { ...prepared.message, headers: { ...trace, ...prepared.message.headers } } }
}

const TRACE_HEADERS: readonly string[] = ['traceparent', 'tracestate']

/**
 * Back to where it came from: through the default exchange its queue, otherwise the same exchange and routing key.
 * Source: celery/app/task.py signature_from_request.
 */
function retryOutgoing(
  task: OutgoingTask & { readonly kind: 'retry' },
  { request, delivery }: SettleContext,
  app: App,
  broker: Broker,
): Outgoing {
  const { retries, eta, args, kwargs, publishId } = task
  const { exchange } = delivery
  const routingKey = exchange === '' ? delivery.queue : delivery.routingKey
  const next = { retries, eta, ...(args === undefined ? {} : { args }), ...(kwargs === undefined ? {} : { kwargs }) }
  return {
    message: encodeRetry(request, next, app.codec),
    queue: undefined,
    to: { exchange, routingKey },
    publishId,
    notBefore: keepsDelays(broker.features) ? eta : undefined,
  }
}
