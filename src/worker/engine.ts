import type { App } from '../app/app.js'
import { observeAll } from '../app/extension.js'
import { outgoing } from '../app/outgoing.js'
import type { Duration } from '../app/task-options.js'
import type { ResultBackend } from '../backends/backend.js'
import type { Broker, Connection } from '../brokers/broker.js'
import { AppendFile } from '../drivers/append-file.js'
import { parseDuration } from '../lib/duration.js'
import { ConfigError } from '../lib/errors.js'
import type { Ms } from '../lib/time.js'
import { InlinePool } from '../pools/inline/inline-pool.js'
import type { Call, Pool } from '../pools/pool.js'
import { encodeRetry } from '../protocol/encode-retry.js'
import type { NodeName, QueueName, TaskName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo, State } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { dateDoneIn } from './date-done.js'
import { DeadLetterGauge } from './dead-letter-gauge.js'
import type { OutgoingTask, TaskEvent } from './effect.js'
import { execute, type Runnable } from './execute.js'
import { Intake } from './intake.js'
import { logTaskEvent } from './log-lines.js'
import type { Outgoing, World } from './perform.js'
import { prefetchCount } from './prefetch.js'
import { latestClaim, type Running } from './running.js'
import { Session } from './session.js'
import type { SettleContext } from './settle-context.js'
import { Spool } from './spool.js'
import type { WorkerOptions, WorkerParts } from './worker-options.js'

export interface EngineParts {
  readonly app: App
  readonly name: NodeName
  readonly options: WorkerOptions
  readonly parts: WorkerParts
  readonly broker: Broker
  readonly backend: ResultBackend | undefined
  readonly concurrency: number
  stopping(): boolean
}

/** What a running worker is made of, in the order of starting. */
export interface Engine {
  readonly pool: Pool
  readonly intake: Intake
  readonly spool: Spool
  readonly session: Session
}

/** Longest wait for a step of our own while stopping; also how long an effect is tried again then. */
export const STEP_DEADLINE: Ms = 5000

/** Puts the parts of a worker together: who is told what, and which settings go where. Starts nothing. */
export function createEngine(given: EngineParts): Engine {
  const { app, name, options, broker, backend } = given
  const { settings } = app
  const runtime = given.parts.runtime ?? app.runtime
  const gauge = new DeadLetterGauge(settings.deadLetterMax)
  const world: World = {
    runtime,
    backend,
    live: () => session.live,
    outgoing: (task, context) => toOutgoing(task, context, app, broker),
    emit: (event, running) => tell(event, running, app, name),
    errback: (signature, request, error, traceback) => callErrback(signature, request, error, traceback, app),
    deadLetterRoom: queue => roomFor(queue, gauge, session, app),
    writeTimeout: () => (given.stopping() ? STEP_DEADLINE : settings.resultWriteTimeout),
    afterEffect: (effect, running) => given.parts.afterEffect?.(effect, running),
  }
  const pool = createPool(given)
  const intake = new Intake({
    runtime,
    codec: app.codec,
    limits: app.limits,
    pool,
    world,
    worker: name,
    inheritPriority: settings.taskInheritParentPriority,
    unknownTask: settings.unknownTask,
    softTimeLimit: limit(options.softTimeLimit, 'softTimeLimit') ?? settings.taskSoftTimeLimit,
    timeLimit: limit(options.timeLimit, 'timeLimit') ?? settings.taskTimeLimit,
    canPark: broker.features.delays,
    maxHeld: settings.workerMaxHeld,
    registered: task => app.tasks.has(task),
    policy: task => app.policy(task),
    inlineErrback: task => app.taskOptions(task)?.errback === 'inline',
    dateDone: dateDoneIn(settings.timezone),
    heldChanged: () => session.updatePrefetch(),
    spool: entry => spool.write(entry),
  })
  const spool = new Spool({
    runtime,
    lines: given.parts.spool ?? new AppendFile(settings.resultSpoolPath ?? `.lovage/${name}.spool`),
    redo: entry => intake.redo(entry),
  })
  const session = new Session({
    runtime,
    broker,
    name,
    queues: app.queues.consumed(options.queues, options.excludeQueues),
    retry: settings.brokerConnectionRetry,
    retryOnStartup: settings.brokerConnectionRetryOnStartup ?? settings.brokerConnectionRetry,
    maxRetries: settings.brokerConnectionMaxRetries,
    prefetch: () =>
      prefetchCount({
        concurrency: pool.size,
        multiplier: options.prefetchMultiplier ?? settings.workerPrefetchMultiplier,
        held: intake.held,
        etaTaskLimit: settings.workerEtaTaskLimit,
      }),
    take: delivery => intake.take(delivery),
    lost: () => intake.connectionLost(settings.workerCancelLongRunningTasksOnConnectionLoss),
    leasesSuspect: () => intake.checkLeases(),
  })
  return { pool, intake, spool, session }
}

function createPool({ app, parts, backend, concurrency }: EngineParts): Pool {
  const runtime = parts.runtime ?? app.runtime
  return new InlinePool({
    runtime,
    size: concurrency,
    execute: (call, control) =>
      execute(call, control, {
        runtime,
        extensions: app.extensions,
        find: request => find(request.task, app),
        storeState: (running, state, meta) => storeState(running, state, meta, app, backend),
        fence: running => ({ retries: running.request.retries, claim: running.claim }),
      }),
  })
}

function find(name: TaskName, app: App): Runnable | undefined {
  const task = app.tasks.get(name)
  return task === undefined ? undefined : { handler: task.handler, options: app.taskOptions(name) ?? task.options }
}

/** A state of the handler's choosing; of no effect where results are ignored or there is no backend. */
async function storeState(
  { request, claim }: Call,
  state: State,
  meta: unknown,
  app: App,
  backend: ResultBackend | undefined,
): Promise<void> {
  const policy = app.policy(request.task)
  if (backend === undefined || (request.ignoreResult ?? policy.ignoreResult)) return
  const record = {
    taskId: request.id,
    status: state,
    result: meta,
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
    ...(request.group === undefined ? {} : { groupId: request.group }),
    ...(request.parentId === undefined ? {} : { parentId: request.parentId }),
  }
  await backend.store(record, { ttl: policy.resultExpires, fence: { retries: request.retries, claim } })
}

function toOutgoing(task: OutgoingTask, context: SettleContext, app: App, broker: Broker): Outgoing {
  if (task.kind === 'retry') return retryOutgoing(task, context, app, broker)
  const { signature, parentId, rootId, priority, publishId } = task
  const prepared = outgoing(app, signature, { parentId, rootId, priority, publishId })
  return broker.features.delays ? prepared : { ...prepared, notBefore: undefined }
}

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
    notBefore: broker.features.delays ? eta : undefined,
  }
}

function tell(event: TaskEvent, running: Running, app: App, name: NodeName): void {
  logTaskEvent(app.runtime.log, running.request, event)
  if (app.extensions.length === 0) return
  const { type, ...fields } = event
  const { id, task, retries } = running.request
  const claim = latestClaim(running)
  observeAll(app.extensions, app.runtime.log, { type, fields: { ...fields, id, task, retries, claim, worker: name } })
}

/** An inline errback: called like a function, its errors logged and swallowed. Source: celery/backends/base.py _call_task_errbacks. */
function callErrback(
  signature: Signature,
  request: TaskRequest,
  error: ExceptionInfo,
  traceback: string | undefined,
  app: App,
): void {
  const complain = (cause: unknown): void =>
    app.runtime.log.error(`Errback ${signature.task} of ${request.id} failed: ${String(cause)}`, { error: cause })
  const task = app.tasks.get(signature.task)
  if (task === undefined) return
  const args = signature.immutable ? signature.args : [request, error, traceback, ...signature.args]
  try {
    Promise.resolve(task.handler(...(args as never[]))).catch(complain)
  } catch (cause) {
    complain(cause)
  }
}

/** D64: a full dead-letter place stops its queue, loudly, until an operator has made room and the worker is restarted. */
async function roomFor(queue: QueueName, gauge: DeadLetterGauge, session: Session, app: App): Promise<boolean> {
  const connection = session.live
  if (connection === undefined) return true
  if (await gauge.room(queue, connection, app.runtime.clock.steady())) return true
  if (app.settings.deadLetterWhenFull === 'drop-oldest') return dropOldest(queue, connection, app)
  app.runtime.log.critical(
    `The dead-letter place of queue '${queue}' holds ${app.settings.deadLetterMax} messages; consuming '${queue}' stops. Look at them with \`lovage dead list ${queue}\`, then requeue or purge.`,
    { queue },
  )
  await session.pause(queue)
  return false
}

async function dropOldest(queue: QueueName, connection: Connection, app: App): Promise<boolean> {
  const [oldest] = await connection.get(`${queue}.dead` as QueueName, 1)
  if (oldest === undefined) return true
  app.runtime.log.error(`Dead letter ${String(oldest.message.headers['id'])} of '${queue}' dropped: the place is full.`)
  await oldest.ack()
  return true
}

function limit(value: Duration | undefined, name: string): Ms | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(value)
  if (ms !== undefined) return ms === 0 ? undefined : ms
  throw new ConfigError('LVG_BAD_OPTION', `\`${name}\` must be seconds or text such as '5m', not ${String(value)}.`)
}
