import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from '../../app/app.js'
import type { SettingsInput } from '../../app/settings.js'
import type { Connection, QueueStats } from '../../brokers/broker.js'
import { queueName } from '../../protocol/ids.js'
import { clientApp, QUEUE } from './chaos-app.js'
import { ChaosProcess, journalPath } from './chaos-process.js'
import { type ChaosSettings, environmentOf } from './chaos-settings.js'
import type { JournalLine } from './journal.js'
import { within } from './waiting.js'

export interface ChaosClusterOptions {
  /** Default: a SQLite file in the cluster's own folder. */
  readonly brokerUrl?: string
  /** Default: the same SQLite file. */
  readonly resultBackend?: string
  /** The ways that the processes take instead: through proxies. */
  readonly through?: { readonly brokerUrl?: string; readonly resultBackend?: string }
  /** Default `late`. */
  readonly acks?: 'late' | 'early'
  /** Default 16. */
  readonly concurrency?: number
  /** Executions of one task before it is poison; default 3, as for every worker. */
  readonly maxDeliveries?: number
  /** Of the app, over those that a cluster has by itself. Plain data. */
  readonly settings?: SettingsInput
}

/** How a worker is run: by a small program, as users do, or by somebody else's program. */
export type WorkerProgram = 'program' | 'command' | OtherProgram

/**
 * Another worker to be compared with ours: it finds its settings (`ChaosSettings`) as JSON in the variable `LOVAGE_CHAOS`, runs the
 * task `chaos.planned`, keeps the journal, says ` ready.` in its log, and ends on TERM.
 */
export interface OtherProgram {
  readonly command: string
  args(name: string, concurrency: number): readonly string[]
}

/** What the processes of a run write, and what belongs to a SQLite file that nobody has open. */
const EXPECTED = /^(.+\.(journal|log)|chaos\.db(-wake(-results)?)?|.+\.spool)$/

const STOPPING = 15_000

/** Real processes on a broker, in a folder that goes away with them. */
export class ChaosCluster implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lovage-chaos-'))
  readonly processes: ChaosProcess[] = []
  readonly maxDeliveries: number
  /** Of this process: it takes no way through a proxy. */
  readonly app: App
  readonly #options: ChaosClusterOptions
  readonly #direct: Omit<ChaosSettings, 'journal' | 'name'>
  readonly #heard: ((line: JournalLine) => void)[] = []
  #connection: Promise<Connection> | undefined

  constructor(options: ChaosClusterOptions = {}) {
    const { acks = 'late', concurrency = 16, maxDeliveries = 3 } = options
    const file = join(this.folder, 'chaos.db')
    this.#options = options
    this.maxDeliveries = maxDeliveries
    this.#direct = {
      brokerUrl: options.brokerUrl ?? `sqlite:///${file}`,
      resultBackend: options.resultBackend ?? `db+sqlite:///${file}`,
      acks,
      concurrency,
      settings: { taskMaxDeliveries: maxDeliveries, ...options.settings },
    }
    this.app = clientApp(this.#direct)
  }

  get workers(): readonly ChaosProcess[] {
    return this.processes.filter(({ name }) => name.startsWith('worker'))
  }

  /** Most messages that one worker is handed at a time. */
  get window(): number {
    return this.#direct.concurrency * this.app.settings.workerPrefetchMultiplier
  }

  /** Is told every line of every journal, from now on. */
  listen(heard: (line: JournalLine) => void): void {
    this.#heard.push(heard)
  }

  startWorker(program: WorkerProgram = 'program'): ChaosProcess {
    const name = `worker-${this.workers.length + 1}`
    if (program === 'program') return this.#start(name, [childScript('worker')])
    if (program !== 'command') {
      const { command, args } = program
      return this.#start(name, args(name, this.#direct.concurrency), command)
    }
    const command = new URL('../../cli/main.js', import.meta.url).pathname
    const options = ['-c', String(this.#direct.concurrency), '-n', `${name}@%h`, '-l', 'info']
    return this.#start(name, [command, '-A', childScript('app'), 'worker', ...options])
  }

  /** Publishes the tasks that the seed plans, as far as it is told to: `tell(number of tasks)`. */
  startProducer(seed: string, tasks: number, longest: number): ChaosProcess {
    return this.#start('producer', [childScript('producer'), seed, String(tasks), String(longest)])
  }

  /** What the broker says of the queue and its dead letters. */
  async queues(): Promise<readonly QueueStats[]> {
    const connection = await this.connection()
    return await Promise.all([QUEUE, `${QUEUE}.dead`].map(name => connection.stats(queueName(name))))
  }

  /** Nothing waits and nobody holds anything, as far as the broker can tell. */
  async empty(): Promise<boolean> {
    return (await this.queues()).every(({ ready, held, delayed }) => ready + held + delayed === 0)
  }

  /** This process's own, made anew when it was lost. */
  connection(): Promise<Connection> {
    this.#connection ??= this.#connect()
    return this.#connection
  }

  async #connect(): Promise<Connection> {
    try {
      const broker = await this.app.broker()
      const connection = await broker.connect({ name: 'orchestrator' })
      void connection.closed.then(() => {
        this.#connection = undefined
      })
      return connection
    } catch (error) {
      this.#connection = undefined
      throw error
    }
  }

  /** Tells every worker to end, and waits for it. Rejects when one does not within `deadline` ms. */
  async stopWorkers(deadline: number = STOPPING): Promise<void> {
    const running = this.workers.filter(worker => worker.running)
    for (const worker of running) worker.dismiss()
    await within(deadline, 'the workers to stop', Promise.all(running.map(worker => worker.ended)))
    for (const { name, child, killedAt, readyAt } of running) {
      // A process that is told to end before it listens to signals ends by the signal: it had nothing to give back.
      if (readyAt === undefined && child.signalCode === 'SIGTERM') continue
      if (killedAt === undefined && child.exitCode !== 0)
        throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}, not 0`)
    }
  }

  /** Ends this process's own connections, and tells which files are left beside database, journals and logs. */
  async close(): Promise<readonly string[]> {
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.[Symbol.asyncDispose]()
    await this.app[Symbol.asyncDispose]()
    return readdirSync(this.folder).filter(name => !EXPECTED.test(name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map(each => each[Symbol.asyncDispose]()))
    await this.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #start(name: string, args: readonly string[], command?: string): ChaosProcess {
    const journal = journalPath(this.folder, name)
    const settings: ChaosSettings = { ...this.#direct, ...this.#options.through, journal, name: `${name}@chaos` }
    const environment = environmentOf(settings)
    const heard = (line: JournalLine): void => {
      for (const each of this.#heard) each(line)
    }
    const parts = { name, folder: this.folder, args, environment, heard }
    const started = new ChaosProcess(command === undefined ? parts : { ...parts, command })
    this.processes.push(started)
    return started
  }
}

function childScript(name: string): string {
  return new URL(`./children/${name}.js`, import.meta.url).pathname
}
