import type { App } from '../app/app.js'
import { chordLife } from '../app/chord-life.js'
import { chordMemo } from '../app/chord-memo.js'
import { observeAll } from '../app/extension.js'
import { knownQueues } from '../app/known-queues.js'
import { runnableOf } from '../app/runnable-of.js'
import { PROGRESS_STATE } from '../app/task-context.js'
import type { Duration } from '../app/task-options.js'
import type { ResultBackend } from '../backends/backend.js'
import { jsonStoreCodec } from '../backends/json-store-codec.js'
import { type Broker, keepsDelays } from '../brokers/broker.js'
import type { CommandTable } from '../control/command-table.js'
import { AppendFile } from '../drivers/append-file.js'
import { parseDuration } from '../lib/duration.js'
import { ConfigError } from '../lib/errors.js'
import { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { CallAsks, Execute } from '../pools/call-control.js'
import { PoolError } from '../pools/errors.js'
import type { Call, Pool } from '../pools/pool.js'
import { attemptNumber } from '../protocol/attempt-number.js'
import type { NodeName } from '../protocol/ids.js'
import { signatureFromDict } from '../protocol/signature-dict.js'
import { appSource } from './app-source.js'
import type { AutoscaleRange } from './autoscale.js'
import { Autoscaler } from './autoscaler.js'
import { callErrback } from './call-errback.js'
import { ChordSweep, type ChordSweepParts } from './chord-sweep.js'
import { workerCommands } from './commands/worker-commands.js'
import type { Companion } from './companion.js'
import { createPool, type PoolPlan } from './create-pool.js'
import { dateDoneIn } from './date-done.js'
import { DeadLetterGauge } from './dead-letter-gauge.js'
import { roomFor } from './dead-letter-room.js'
import type { TaskEvent } from './effect.js'
import { type ExecuteParts, execute } from './execute.js'
import { Intake } from './intake.js'
import { keptLogLines } from './kept-log-lines.js'
import { LimitDesk, limitsCompanion, ownLimits } from './limit-desk.js'
import { liveView } from './live-view.js'
import { logTaskEvent } from './log-lines.js'
import type { Witness } from './loop-watch.js'
import { mingleWith } from './mingle-with.js'
import { poolControl } from './pool-control.js'
import { prefetchCount } from './prefetch.js'
import { RejectionLines } from './rejection-lines.js'
import { remoteControl } from './remote-control.js'
import { RevocationKeeping } from './revocation-keeping.js'
import { latestClaim, type Running } from './running.js'
import { Session } from './session.js'
import { Spool } from './spool.js'
import { storeState } from './store-state.js'
import { TaskLimits } from './task-limits.js'
import { TaskTotals } from './task-totals.js'
import { Teller } from './teller.js'
import { toOutgoing } from './to-outgoing.js'
import { WorkerEvents } from './worker-events.js'
import type { WorkerOptions, WorkerParts } from './worker-options.js'
import { WorkerWatch } from './worker-watch.js'
import type { World } from './world.js'
import { WriteWaits } from './write-waits.js'

export interface EngineParts {
  readonly app: App
  readonly name: NodeName
  readonly options: WorkerOptions
  readonly parts: WorkerParts
  readonly broker: Broker
  readonly backend: ResultBackend | undefined
  readonly plan: PoolPlan
  readonly autoscale: AutoscaleRange | undefined
  /** Where limits of the cluster are kept, when that is not the broker. */
  readonly limitStore: Broker | undefined
  stopping(): boolean
  /** Remote control asked for a warm stop. */
  shutDown(): void
}

/** What a running worker is made of, in the order of starting. */
export interface Engine {
  readonly pool: Pool
  readonly intake: Intake
  readonly teller: Teller
  readonly spool: Spool
  readonly session: Session
  readonly events: WorkerEvents
  /** The application's clock: seen in events, in `inspect clock` and `hello`. */
  readonly clock: LamportClock
  /** Limits that hold where neither message nor task has its own. */
  readonly timeLimits: TimeLimits
  readonly revoking: RevocationKeeping
  readonly watch: WorkerWatch
  readonly desk: LimitDesk
  /** Undefined = the pool keeps its size. */
  readonly autoscaler: Autoscaler | undefined
  /** With what was set at run time. */
  readonly limits: TaskLimits
}

export interface TimeLimits {
  readonly soft: Ms | undefined
  readonly hard: Ms | undefined
}

/** Longest wait for a step of our own while stopping; also how long an effect is tried again then. */
export const STEP_DEADLINE: Ms = 5000

/** Puts the parts of a worker together: who is told what, and which settings go where. Starts nothing. */
export function createEngine(given: EngineParts): Engine {
  const { app, name, options, broker, backend } = given
  const { settings } = app
  const runtime = given.parts.runtime ?? app.runtime
  const gauge = new DeadLetterGauge({ messages: settings.deadLetterMax, bytes: settings.deadLetterMaxBytes })
  const rejections = new RejectionLines({ clock: runtime.clock, log: app.runtime.log })
  const waits = new WriteWaits({ clock: runtime.clock, log: app.runtime.log })
  const clock = new LamportClock()
  const totals = new TaskTotals()
  const limits = new TaskLimits(app, {
    disabled: settings.workerDisableRateLimits,
    rateChanged: task => intake.rateChanged(task),
  })
  const revoking = new RevocationKeeping({
    app,
    name,
    runtime,
    backend,
    clock,
    state: given.parts.state,
    discardRevoked: () => intake.discardRevoked(),
    terminate: (meant, signal) => intake.executions.terminate(meant, signal),
  })
  const events = createEvents(given, runtime, clock, () => intake.executions.busy)
  const happened = (type: string, fields: Readonly<Record<string, unknown>>): void =>
    observeAll(app.extensions, app.runtime.log, { type, fields: { ...fields, worker: name } })
  const world: World = {
    runtime,
    backend,
    live: () => session.live,
    outgoing: (task, context) => toOutgoing(task, context, app, broker),
    emit: (event, running) => {
      if (event.type === 'task-started') started(event.pid, running, totals, runtime)
      tell(event, running, app, name, rejections)
      events.tell(event, running.request)
    },
    sent: sent => app.sent(sent),
    chordMemo: memo => chordMemo(memo, app.limits),
    errback: (signature, request, error, traceback) => callErrback(signature, request, error, traceback, app),
    acked: settled => {
      if (settled === 'stale') happened('stale-ack', {})
      return undefined
    },
    deadLetterRoom: (queue, bytes) => roomFor(queue, bytes, { gauge, session, watch, app, happened }),
    buried: ({ queue, reason }) => happened('dead-letter-written', { queue, reason }),
    waits: (why, id) => waits.note(id, why),
    writeTimeout: () => (given.stopping() ? STEP_DEADLINE : settings.resultWriteTimeout),
    afterEffect: (effect, running) => given.parts.afterEffect?.(effect, running),
  }
  const timeLimits: TimeLimits = {
    soft: limit(options.softTimeLimit, 'softTimeLimit') ?? settings.taskSoftTimeLimit,
    hard: limit(options.timeLimit, 'timeLimit') ?? settings.taskTimeLimit,
  }
  if (given.plan.kind === 'inline' && options.timeLimit !== undefined) throw cannotKill()
  const watch = new WorkerWatch({
    runtime,
    settings,
    exitOnStall: options.exitOnStall ?? settings.workerExitOnStall,
    beat: given.parts.beat,
    queues: () => session.queues,
    known: () => knownQueues(app.settings, app.queues),
    flow: () => ({ busy: intake.executions.busy, slots: pool.size, held: intake.size, window: window() }),
    renew: () => session.renew(),
    fail: error => session.fail(error),
    happened,
  })
  const asks: CallAsks = {
    storeState: (call, state, meta) => {
      // Also where no result is kept: monitors may listen.
      if (state === PROGRESS_STATE) tellOfTask(call, 'task-progress', { ...(meta as object) }, app, events)
      return storeState(call, state, meta, app, backend)
    },
    sendEvent: (call, type, fields) => tellOfTask(call, type, fields, app, events, 'always'),
  }
  const source = given.parts.source ?? (options.module === undefined ? undefined : appSource(options.module))
  const pool = createPool({
    plan: given.plan,
    runtime,
    settings,
    source,
    startChild: given.parts.startChild,
    execute: inProcess(app, runtime, asks, watch.loop),
    asks,
  })
  const heldLimit = Math.min(settings.workerMaxHeld, settings.workerEtaTaskLimit ?? Number.POSITIVE_INFINITY)
  const window = (): number =>
    prefetchCount({
      concurrency: autoscaler?.range.max ?? pool.size,
      multiplier: options.prefetchMultiplier ?? settings.workerPrefetchMultiplier,
      held: intake.held,
      heldLimit,
      limit: broker.features.leases ? settings.workerPrefetchLimit : undefined,
      left: settings.workerEnablePrefetchCountReduction ? intake.executions.left : 0,
      acked: settings.workerDisablePrefetch ? intake.executions.acked : undefined,
    })
  const teller = new Teller({
    runtime,
    world,
    rejections,
    worker: name,
    inheritPriority: settings.taskInheritParentPriority,
    policy: task => limits.policy(task),
    inlineErrback: task => app.taskOptions(task)?.errback === 'inline',
    dateDone: dateDoneIn(settings.timezone),
    spool: entry => spool.write(entry),
  })
  const intake: Intake = new Intake({
    runtime,
    rates: limits,
    ownLimits: ownLimits(runtime.clock),
    clusterLimits: request => desk.limit(request),
    waitMost: broker.features.leases ? Number.POSITIVE_INFINITY : WAIT_MOST,
    capacity: () => autoscaler?.range.max ?? pool.size,
    codec: app.codec,
    limits: app.limits,
    pool,
    world,
    teller,
    worker: name,
    unknownTask: settings.unknownTask,
    softTimeLimit: timeLimits.soft,
    timeLimit: timeLimits.hard,
    canPark: keepsDelays(broker.features),
    revocations: revoking.revocations,
    terminateGrace: settings.workerColdShutdownTimeout,
    maxHeld: heldLimit,
    prefetches: !settings.workerDisablePrefetch,
    registered: task => app.findTask(task) !== undefined,
    policy: task => limits.policy(task),
    windowChanged: () => session.updatePrefetch(),
    slotsWanted: () => autoscaler?.look(),
  })
  const spool = new Spool({
    runtime,
    limits: app.limits,
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
    prefetch: window,
    prefetchAtOnce: settings.workerDisablePrefetch,
    take: delivery => {
      revoking.look()
      watch.delivered()
      intake.take(delivery)
    },
    lost: () => intake.connectionLost(settings.workerCancelLongRunningTasksOnConnectionLoss),
    companions: [
      ...remoteControl({
        app,
        name,
        runtime,
        commands: { run: (method, args) => commands.run(method, args) },
        rejections,
        watchNamesakes: events.gossip === undefined && given.parts.isAlone !== true,
        heard: () => void clock.forward(),
      }),
      revoking.companion,
      ...events.companions,
      ...watch.companions,
      ...sweeps(app, runtime, backend, (...chord) => teller.tellFor(...chord)),
      ...(given.limitStore === undefined ? [limitsCompanion(() => intake.limitsResumed())] : []),
      ...(mingles(given) ? [mingleWith(app, name, runtime, clock, revoking.revoker)] : []),
    ],
    leasesSuspect: () => intake.executions.checkLeases(),
  })
  const desk = new LimitDesk({
    store: given.limitStore,
    name,
    live: () => session.live,
    resumed: () => intake.limitsResumed(),
  })
  const autoscaler: Autoscaler | undefined =
    given.autoscale === undefined
      ? undefined
      : new Autoscaler({
          clock: runtime.clock,
          log: runtime.log,
          size: () => pool.size,
          resize: size => resize(size, pool, intake, session),
          range: given.autoscale,
          keepalive: settings.workerAutoscaleKeepalive,
          reserved: () => intake.executions.reserved,
          rangeChanged: () => session.updatePrefetch(),
        })
  const view = liveView({
    app,
    name,
    runtime,
    brokerUrl: broker.url,
    backendUrl: backend?.url,
    clock,
    startedAt: runtime.clock.steady(),
    intake,
    session,
    totals,
    pool: poolControl({
      runtime,
      pool,
      maxConcurrency: settings.workerMaxConcurrency,
      autoscaler,
      resized: () => {
        intake.executions.pump()
        session.updatePrefetch()
      },
    }),
    limits,
    revoking: revoking.revoker,
    events: {
      enableTaskEvents: () => events.dispatcher.enableTaskEvents(),
      disableTaskEvents: () => events.dispatcher.disableTaskEvents(),
      heartbeat: () => events.heartbeat.tellNow(),
    },
    gossip: events.gossip,
    shutDown: () => given.shutDown(),
  })
  const commands: CommandTable = workerCommands(view)
  return { pool, intake, teller, spool, session, events, clock, revoking, timeLimits, watch, limits, desk, autoscaler }
}

/** RabbitMQ takes back what is held for longer than half an hour; so long nobody waits for a place. */
const WAIT_MOST: Ms = 300_000

/** Idle slots only; as many as may go are gone even where that is not enough. */
async function resize(size: number, pool: Pool, intake: Intake, session: Session): Promise<void> {
  try {
    await pool.resize(size)
  } catch (error) {
    if (!(error instanceof PoolError) || error.code !== 'LVG_POOL_BUSY') throw error
  } finally {
    intake.executions.pump()
    session.updatePrefetch()
  }
}

function started(pid: number, running: Running, totals: TaskTotals, { clock }: Runtime): void {
  running.started = { at: clock.now(), pid }
  totals.add(running.request.task)
}

/** Not where this worker is deaf itself, nor, unless asked for, where each copy of a question to all is a write. */
function mingles({ app, options, broker }: EngineParts): boolean {
  const { workerEnableRemoteControl, remoteControl: policy } = app.settings
  if (!workerEnableRemoteControl || policy === 'none') return false
  return !(options.withoutMingle ?? broker.features.storesBroadcasts === true)
}

/** Where a store counts chords. */
function sweeps(
  app: App,
  runtime: Runtime,
  backend: ResultBackend | undefined,
  perform: ChordSweepParts['perform'],
): readonly Companion[] {
  const { chordTimeout: timeout, chordSweepInterval: interval } = app.settings
  if (backend?.claimQuietChords === undefined || interval === 0) return []
  const codec = jsonStoreCodec(app.limits)
  return [new ChordSweep({ runtime, backend, codec, timeout, interval, chordLife: chordLife(app.settings), perform })]
}

/** Celery's cadence. Source: celery/worker/heartbeat.py. */
const HEARTBEAT: Ms = 2000

function createEvents(
  { app, name, options, broker }: EngineParts,
  runtime: Runtime,
  clock: LamportClock,
  active: () => number,
): WorkerEvents {
  const { heartbeatInterval, withoutHeartbeat, withoutGossip } = options
  const interval = limit(heartbeatInterval, 'heartbeatInterval') ?? HEARTBEAT
  return new WorkerEvents({
    app,
    runtime,
    name,
    broker,
    clock,
    heartbeat: withoutHeartbeat === true ? undefined : interval,
    gossip: !(withoutGossip ?? broker.features.storesBroadcasts === true),
    active,
    elected: (topic, action) => elected(topic, action, app),
  })
}

/** An election was won: what it was about is done here, and nowhere else. Source: celery/worker/consumer/gossip.py `call_task`. */
function elected(topic: string, action: unknown, app: App): void {
  if (topic !== 'task') {
    app.runtime.log.error(`Won an election about '${topic}', which is unknown here: nothing is done.`)
    return
  }
  const complain = (error: unknown): void =>
    app.runtime.log.error(`Won an election, but its task could not be sent: ${String(error)}`)
  try {
    app.applyCanvas(signatureFromDict(action)).catch(complain)
  } catch (error) {
    complain(error)
  }
}

/** How the inline pool runs a call. */
function inProcess(app: App, runtime: Runtime, asks: CallAsks, witness: Witness): Execute {
  const executeParts: ExecuteParts = {
    ...asks,
    runtime,
    app,
    extensions: app.extensions,
    find: request => runnableOf(request.task, app),
    keepLogLines: keptLogLines(app),
    fence: running => ({ retries: attemptNumber(running.request), claim: running.claim }),
    witness,
  }
  return (call, control) => execute(call, control, executeParts)
}

/** An event of the handler's own. */
function tellOfTask(
  { request, claim, queue, hostname: worker }: Call,
  type: string,
  fields: Readonly<Record<string, unknown>>,
  app: App,
  events: WorkerEvents,
  when: 'always' | 'with-others' = 'with-others',
): void {
  const { id, task, retries } = request
  observeAll(app.extensions, app.runtime.log, { type, fields: { ...fields, id, task, retries, claim, queue, worker } })
  events.tellOwn(request, type, fields, when)
}

function tell(event: TaskEvent, running: Running, app: App, name: NodeName, rejections: RejectionLines): void {
  const queue = running.deliveries.at(-1)?.queue ?? 'its queue'
  logTaskEvent(running.request, event, { log: app.runtime.log, rejections, queue })
  if (app.extensions.length === 0) return
  const { type, ...fields } = event
  const { id, task, retries } = running.request
  const claim = latestClaim(running)
  const delivery = running.deliveries.at(-1)
  const place = { queue: delivery?.queue, enqueuedAt: delivery?.enqueuedAt, eta: running.request.eta }
  const known = { id, task, retries, claim, worker: name, ...place }
  observeAll(app.extensions, app.runtime.log, { type, fields: { ...known, ...fields } })
}

function limit(value: Duration | undefined, name: string): Ms | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(value)
  if (ms !== undefined) return ms === 0 ? undefined : ms
  throw new ConfigError('LVG_BAD_OPTION', `\`${name}\` must be seconds or text such as '5m', not ${String(value)}.`)
}

/** H46: not even for all tasks can it do what it is asked for. A limit of a task or message ends with the task abandoned. */
function cannotKill(): ConfigError {
  return new ConfigError(
    'LVG_POOL_TIME_LIMIT',
    'The inline pool cannot end a task at a hard time limit (--time-limit, `timeLimit`): its code shares the process with all others. Use --pool prefork or threads, or a soft limit (--soft-time-limit).',
  )
}
