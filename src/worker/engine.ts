import type { App } from '../app/app.js'
import { chordMemo } from '../app/chord-memo.js'
import { knownQueues } from '../app/known-queues.js'
import type { ResultBackend } from '../backends/backend.js'
import { type Broker, keepsDelays } from '../brokers/broker.js'
import type { CommandTable } from '../control/command-table.js'
import { AppendFile } from '../drivers/append-file.js'
import { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { PoolError } from '../pools/errors.js'
import type { Pool } from '../pools/pool.js'
import type { NodeName } from '../protocol/ids.js'
import { appSource } from './app-source.js'
import type { AutoscaleRange } from './autoscale.js'
import { Autoscaler } from './autoscaler.js'
import { callAsks } from './call-asks.js'
import { callErrback } from './call-errback.js'
import { workerCommands } from './commands/worker-commands.js'
import { createChordSweep } from './create-chord-sweep.js'
import { createPool, type PoolPlan } from './create-pool.js'
import { createWorkerEvents } from './create-worker-events.js'
import { dateDoneIn } from './date-done.js'
import { DeadLetterGauge } from './dead-letter-gauge.js'
import { roomFor } from './dead-letter-room.js'
import { inProcess } from './in-process.js'
import { Intake } from './intake.js'
import { LimitDesk, limitsCompanion, ownLimits } from './limit-desk.js'
import { liveView } from './live-view.js'
import { mingles, mingleWith } from './mingle-with.js'
import { poolControl } from './pool-control.js'
import { prefetchCount } from './prefetch.js'
import { RejectionLines } from './rejection-lines.js'
import { remoteControl } from './remote-control.js'
import { RevocationKeeping } from './revocation-keeping.js'
import type { Running } from './running.js'
import { Session } from './session.js'
import { Spool } from './spool.js'
import { TaskLimits } from './task-limits.js'
import { TaskNews } from './task-news.js'
import { TaskTotals } from './task-totals.js'
import { Teller } from './teller.js'
import { type TimeLimits, timeLimitsOf } from './time-limits.js'
import { toOutgoing } from './to-outgoing.js'
import type { WorkerEvents } from './worker-events.js'
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
  const events = createWorkerEvents(options, {
    app,
    name,
    runtime,
    broker,
    clock,
    active: () => intake.executions.busy,
  })
  const news = new TaskNews({ app, name, rejections, events })
  const happened = (type: string, fields: Readonly<Record<string, unknown>>): void => news.happened(type, fields)
  const world: World = {
    runtime,
    backend,
    live: () => session.live,
    outgoing: (task, context) => toOutgoing(task, context, app, broker),
    emit: (event, running) => {
      if (event.type === 'task-started') started(event.pid, running, totals, runtime)
      news.tell(event, running)
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
  const timeLimits = timeLimitsOf(options, settings, given.plan.kind)
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
  const asks = callAsks(app, backend, news)
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
  const sweep = createChordSweep(app, runtime, backend, (...chord) => teller.tellFor(...chord))
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
      ...(sweep === undefined ? [] : [sweep]),
      ...(given.limitStore === undefined ? [limitsCompanion(() => intake.limitsResumed())] : []),
      ...(mingles(settings, options, broker) ? [mingleWith(app, name, runtime, clock, revoking.revoker)] : []),
    ],
    holding: () => intake.holding,
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
  return {
    pool,
    intake,
    teller,
    spool,
    session,
    events,
    clock,
    revoking,
    timeLimits,
    watch,
    limits,
    desk,
    autoscaler,
  }
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
