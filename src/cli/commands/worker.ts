import { resolve } from 'node:path'
import type { App } from '../../index.js'
import { Worker } from '../../worker.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { EXIT, type ExitCode, type SignalName } from '../exit-code.js'
import { expandFileName } from '../file-name.js'
import type { Io, StrayErrorKind } from '../io.js'
import type { LoadedApp } from '../loaded-app.js'
import { packageVersion } from '../package-version.js'
import { takePidFile } from '../pid-file.js'
import { StopPlan, type StopStage } from '../stop-plan.js'
import { strayError } from '../stray-error.js'
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
    const loaded = await context.loadApp({
      flags: workerSettings(options, overrides),
      needsTasks: true,
      include: options.include ?? [],
    })
    return await new WorkerRun(context, options, io, loaded).run()
  },
})

/** One run of a worker: its pid file, log, banner and signals around it. */
class WorkerRun {
  readonly #context: CommandContext
  readonly #options: WorkerCommandOptions
  readonly #io: Io
  readonly #loaded: LoadedApp
  readonly #worker: Worker
  readonly #plan: StopPlan
  readonly #pidFile: string | undefined
  #exitCode: ExitCode | undefined
  #broken = false

  constructor(context: CommandContext, options: WorkerCommandOptions, io: Io, loaded: LoadedApp) {
    const { app } = loaded
    this.#context = context
    this.#options = options
    this.#io = io
    this.#loaded = loaded
    this.#pidFile = expanded(app.settings.workerPidfile, app, io)
    const logFile = expanded(app.settings.workerLogfile, app, io)
    // Before the worker is made: it takes over the app's log.
    if (logFile !== undefined) this.#withoutRoom(() => loaded.logTo(logFile))
    this.#worker = new Worker(app, { purge: options.purge })
    this.#plan = new StopPlan({
      soft: app.settings.workerSoftShutdownTimeout > 0,
      termIsQuit: io.env['REMAP_SIGTERM'] === 'SIGQUIT',
    })
  }

  async run(): Promise<ExitCode> {
    using _pidFile = this.#takePidFile()
    using _signals = this.#io.onSignal(signal => this.#on(signal))
    using _strays = this.#io.onStrayError((error, how) => this.#stray(error, how))
    this.#greet()
    try {
      await this.#worker.start(this.#io.signal)
    } catch (error) {
      if (this.#exitCode === undefined) throw error
    }
    const end = await this.#worker.closed
    if (end.kind === 'failed') throw end.error
    return this.#broken ? EXIT.error : (this.#exitCode ?? EXIT.ok)
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
    const { log } = app.runtime
    this.#say(...workerBanner(app, this.#worker, packageVersion()))
    if (app.settings.workerSendTaskEvents) {
      log.warning('This version sends no task events: -E (workerSendTaskEvents) has no effect.')
    }
    if (this.#options.maxTasksPerChild ?? this.#options.maxMemoryPerChild) {
      log.warning(
        'The inline pool has no child processes: --max-tasks-per-child and --max-memory-per-child have no effect.',
      )
    }
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
      default:
        signal satisfies never
    }
  }

  #stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'): void {
    const { stage, exitCode } = this.#plan.on(signal)
    this.#exitCode = exitCode
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

  /** A terminal that closes stops its worker; a service is told to open its log file anew. */
  #hangUp(): void {
    const { isTty } = this.#io
    if (isTty.stdin || isTty.stdout || isTty.stderr) {
      this.#stop('SIGTERM')
      return
    }
    this.#loaded.reopenLog()
    this.#loaded.app.runtime.log.warning(
      'HUP: the log file was opened anew. To restart the worker, stop it with TERM and start it again.',
    )
  }
}

function isFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')
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
