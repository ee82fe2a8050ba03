import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { startBeat } from '../../beat.js'
import type { App } from '../../index.js'
import { expandFileName } from '../../lib/file-name.js'
import { LoopBeat } from '../../lib/loop-beat.js'
import { packageVersion } from '../../lib/node-package-version.js'
import { expandNodeName } from '../../worker/node-name.js'
import { type StrayErrorKind, strayError } from '../../worker/stray-error.js'
import { Worker, type WorkerOptions } from '../../worker.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { detach } from '../detach.js'
import { EXIT, type ExitCode, type SignalName } from '../exit-code.js'
import type { Io } from '../io.js'
import type { LoadedApp } from '../loaded-app.js'
import { loopLookout } from '../loop-lookout.js'
import { startAgain, takeStartedAs, tellStarter } from '../own-process.js'
import { ownRights } from '../own-rights.js'
import { takePidFile } from '../pid-file.js'
import { takeLateRights, takeUmask } from '../process-rights.js'
import { dropRights } from '../rights.js'
import { StopPlan, type StopStage } from '../stop-plan.js'
import { watchWorker } from '../watch/watch-worker.js'
import { workerBanner } from '../worker-banner.js'
import { WORKER_OPTIONS, type WorkerCommandOptions, workerSettings } from '../worker-options.js'
import { readOverrides } from '../worker-overrides.js'

export const worker: Command = defineCommand({
  name: 'worker',
  summary: 'Run tasks.',
  description:
    'Takes messages from the queues of an app and runs its tasks until it is told to stop. TERM or Ctrl-C: running tasks finish, the rest goes back to the broker. QUIT or a second Ctrl-C: running tasks are interrupted. A third one: it exits at once. Settings can be given after --, such as -- worker.concurrency=4.',
  arguments: [{ name: 'settings', description: 'After --: settings as name=value.', required: false, variadic: true }],
  options: WORKER_OPTIONS,
  examples: [
    { line: 'lovage worker -A tasks.ts -l info', does: 'Serve all queues the app declares, and log what happens.' },
    {
      line: 'lovage -A tasks.ts worker -Q mail,thumbnails -c 4 -n media@%h',
      does: 'Two queues, four tasks at a time, under a name.',
    },
    { line: 'lovage worker -A tasks.ts -- worker.softShutdownTimeout=30s', does: 'With a setting for this run.' },
  ],
  run: async (context, options, io) => {
    const overrides = readOverrides(context.arguments['settings'] ?? [])
    const startedAs = takeStartedAs()
    if (options.watch && startedAs !== 'watched') return await watchWorker(io.cwd(), context.out, io)
    const isDetached = startedAs === 'detached'
    const starts = options.detach && !isDetached
    const wanted = {
      umask: options.umask ?? io.env['LOVAGE_WORKER_UMASK'],
      uid: options.uid ?? io.env['LOVAGE_WORKER_UID'],
      gid: options.gid ?? io.env['LOVAGE_WORKER_GID'],
    }
    const rights = takeUmask(wanted, starts)
    if (starts) {
      return await detach({ logFile: daemonLog(options, io), rights }, context.out, io)
    }
    dropRights(rights, ownRights())
    const loaded = await context.loadApp({
      flags: workerSettings(options, overrides),
      needsTasks: true,
      include: options.include ?? [],
    })
    const { workerUmask, workerUid, workerGid } = loaded.app.settings
    takeLateRights({ umask: workerUmask, uid: workerUid, gid: workerGid })
    const end = await new WorkerRun(context, options, io, loaded, isDetached).run()
    if (end.kind === 'restart') startAgain('detached', { detached: true, stdio: 'inherit' }).unref()
    return end.exitCode
  },
})

/** How a run ended; `restart` by HUP. */
interface RunEnd {
  readonly kind: 'end' | 'restart'
  readonly exitCode: ExitCode
}

/** One run of a worker: its pid file, log, banner and signals around it. */
class WorkerRun {
  readonly #context: CommandContext
  readonly #io: Io
  readonly #loaded: LoadedApp
  readonly #worker: Worker
  readonly #options: WorkerCommandOptions
  /** Fires when it is told to stop. */
  readonly #stopping = new AbortController()
  readonly #plan: StopPlan
  readonly #pidFile: string | undefined
  readonly #beat = new LoopBeat()
  readonly #isDetached: boolean
  #exitCode: ExitCode | undefined
  #broken = false
  #restart = false

  constructor(context: CommandContext, options: WorkerCommandOptions, io: Io, loaded: LoadedApp, isDetached: boolean) {
    const { app, source } = loaded
    this.#context = context
    this.#options = options
    this.#io = io
    this.#loaded = loaded
    this.#isDetached = isDetached
    this.#pidFile = expanded(app.settings.workerPidfile, app, io)
    const logFile = expanded(app.settings.workerLogfile, app, io)
    // Before the worker is made: it takes over the app's log.
    if (logFile !== undefined) this.#withoutRoom(() => loaded.logTo(logFile))
    const parts = { beat: this.#beat, ...(source === undefined ? {} : { source }) }
    this.#worker = new Worker(app, workerOptions(options), parts)
    this.#plan = new StopPlan({
      soft: app.settings.workerSoftShutdownTimeout > 0,
      termIsQuit: io.env['REMAP_SIGTERM'] === 'SIGQUIT',
    })
  }

  async run(): Promise<RunEnd> {
    using _pidFile = this.#takePidFile()
    using _signals = this.#io.onSignal(signal => this.#on(signal))
    using _strays = this.#io.onStrayError((error, how) => this.#stray(error, how))
    this.#greet()
    try {
      await this.#worker.start(this.#io.signal)
    } catch (error) {
      if (this.#exitCode === undefined) throw error
    }
    // Begun when the worker works, ended before it stops: what is due then is sent by another beat.
    const beat = this.#options.beat ? await startBeat(this.#loaded.app, { signal: this.#stopping.signal }) : undefined
    await using _beat = beat
    if (this.#isDetached) tellStarter()
    await using _lookout = loopLookout(this.#loaded, this.#worker, this.#beat)
    const end = await this.#worker.closed
    if (end.kind === 'failed') throw end.error
    const exitCode = this.#broken ? EXIT.error : (this.#exitCode ?? EXIT.ok)
    return { kind: this.#restart ? 'restart' : 'end', exitCode }
  }

  #takePidFile(): Disposable {
    const file = this.#pidFile
    const taken =
      file === undefined
        ? undefined
        : this.#withoutRoom(() =>
            takePidFile(file, this.#loaded.app.runtime.host.pid, pid => this.#io.isProcessAlive(pid)),
          )
    return taken ?? { [Symbol.dispose]: () => {} }
  }

  /** A full disk must not turn a supervised worker into one that is started again and again: it works without the file (F65). */
  #withoutRoom<T>(open: () => T): T | undefined {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof Error) || !isFull(error.cause)) throw error
      this.#loaded.app.runtime.log.error(`${error.message} The worker goes on without this file.`)
      return undefined
    }
  }

  #greet(): void {
    const { app } = this.#loaded
    this.#say(...workerBanner(app, this.#worker, packageVersion()))
  }

  #on(signal: SignalName): void {
    switch (signal) {
      case 'SIGTERM':
      case 'SIGINT':
      case 'SIGQUIT':
        this.#stop(signal)
        return
      case 'SIGHUP':
        this.#hangUp()
        return
      case 'SIGUSR1':
        this.#loaded.app.runtime.log.warning(`${this.#worker.name} is running ${this.#worker.busy} tasks.`)
        return
      case 'SIGUSR2':
        this.#loaded.reopenLog()
        this.#loaded.app.runtime.log.warning('USR2: the log file was opened anew.')
        return
      default:
        signal satisfies never
    }
  }

  #stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'): void {
    const { stage, exitCode } = this.#plan.on(signal)
    this.#exitCode = exitCode
    this.#stopping.abort()
    if (stage === undefined) return
    this.#say(`worker: ${SAYS[stage]}`)
    if (stage === 'hard') this.#io.exit(exitCode)
    // Its end is waited for through `closed`.
    void this.#worker.stop(stage)
  }

  /** User code may be careless: its stray errors are said. After one of ours nothing is certain: all goes back, and it ends (F12). */
  #stray(error: unknown, how: StrayErrorKind): void {
    const { app } = this.#loaded
    const stray = strayError(error, how)
    app.runtime.log[stray.level](stray.message, stray.fields)
    if (!stray.ours || this.#broken) return
    this.#broken = true
    this.#exitCode ??= EXIT.error
    void this.#worker.stop('warm')
  }

  /** For the person who watches; JSON logs on the same stream stay JSON. */
  #say(...lines: readonly string[]): void {
    if (this.#loaded.app.settings.logFormat === 'json') return
    for (const line of lines) this.#context.out.remark(line)
  }

  /**
   * A terminal that closes stops its worker. One that runs in the background stops warm and is started anew, as Celery's.
   * Under a supervisor, which would take the end of the process for its death, the log file is opened anew and no more.
   */
  #hangUp(): void {
    const { isTty } = this.#io
    if (isTty.stdin || isTty.stdout || isTty.stderr) {
      this.#stop('SIGTERM')
      return
    }
    const { log } = this.#loaded.app.runtime
    if (this.#isDetached) {
      this.#restart = true
      log.warning('HUP: warm shutdown, then it starts anew.')
      this.#stop('SIGTERM')
      return
    }
    this.#loaded.reopenLog()
    log.warning('HUP: the log file was opened anew. To restart the worker, stop it with TERM and start it again.')
  }
}

/** What the command asks of the worker itself; the rest are settings. */
function workerOptions(options: WorkerCommandOptions): WorkerOptions {
  const { purge, timeLimit, withoutMingle, withoutHeartbeat, withoutGossip, heartbeatInterval } = options
  return {
    purge,
    withoutHeartbeat,
    // Not given, the broker decides.
    ...(withoutMingle ? { withoutMingle } : {}),
    ...(withoutGossip ? { withoutGossip } : {}),
    ...(heartbeatInterval === undefined ? {} : { heartbeatInterval: `${heartbeatInterval}ms` }),
    ...(timeLimit === undefined ? {} : { timeLimit: `${timeLimit}ms` }),
  }
}

function isFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')
}

/** The log of a worker in the background, before any setting is read. */
function daemonLog(options: WorkerCommandOptions, io: Io): string {
  const host = hostname()
  const name = expandNodeName(options.hostname ?? io.env['LOVAGE_WORKER_NAME'], host)
  const pattern = options.logfile ?? io.env['LOVAGE_WORKER_LOGFILE'] ?? '%n.log'
  return resolve(io.cwd(), expandFileName(pattern, name, host))
}

/** The path that a file name with the letters of the node name stands for. */
function expanded(pattern: string | undefined, app: App, io: Io): string | undefined {
  if (pattern === undefined) return undefined
  return resolve(io.cwd(), expandFileName(pattern, new Worker(app).name, app.runtime.host.name))
}

const SAYS: Readonly<Record<StopStage, string>> = {
  warm: 'Warm shutdown: running tasks finish. Interrupt again to end them now.',
  soft: 'Soft shutdown: running tasks have a while to finish. Interrupt again to end them now.',
  cold: 'Cold shutdown: running tasks are interrupted.',
  hard: 'Exit at once.',
}
