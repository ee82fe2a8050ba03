import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from '../../src/app/app.js'
import type { Connection, QueueStats } from '../../src/brokers/broker.js'
import { clientApp } from './chaos-app.js'
import { type JournalLine, JournalReader, monotonic } from './journal.js'
import { type ChaosSettings, environmentOf } from './settings.js'

export type ClusterSettings = Omit<ChaosSettings, 'database' | 'journal' | 'name'>

export const DEFAULTS: ClusterSettings = {
  acks: 'late',
  concurrency: 16,
  prefetchMultiplier: 4,
  maxDeliveries: 3,
  durability: 'full',
  leaseTime: 20,
  leaseRenewInterval: 5,
}

/** How a worker is run: by the small program of this folder, or as users do. */
export type WorkerProgram = 'program' | 'command'

/** What the processes of a run write, and what belongs to a SQLite file that nobody has open. */
const EXPECTED = /^(.+\.(journal|log)|chaos\.db(-wake(-results)?)?)$/

/** One process and what its journal says. */
export class ChaosProcess implements AsyncDisposable {
  readonly name: string
  readonly child: ChildProcess
  readonly lines: JournalLine[] = []
  /** How many of them are confirmed acks. */
  acks = 0
  readonly startedAt: number = monotonic()
  /** Resolves when it is ready; rejects when it ends before. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  readyAt: number | undefined
  /** When it was sent SIGKILL. */
  killedAt: number | undefined
  /** It was told to end: that it does is no surprise. */
  dismissed = false
  endedAt: number | undefined
  /** Most memory it was seen to have, bytes. */
  peakMemory = 0
  readonly #reader: JournalReader
  readonly #log: string

  constructor(name: string, folder: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
    this.name = name
    this.#log = join(folder, `${name}.log`)
    this.#reader = new JournalReader(journalPath(folder, name))
    const log = openSync(this.#log, 'a')
    this.child = spawn(process.execPath, args, {
      cwd: folder,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, ...environment },
    })
    closeSync(log)
    this.ended = new Promise(resolve => {
      this.child.once('exit', () => {
        this.endedAt = monotonic()
        this.read()
        this.#reader.close()
        resolve()
      })
    })
    this.ready = this.#ready()
    // Whoever needs it to be ready awaits it; nobody else has to hear of its end.
    this.ready.catch(() => undefined)
  }

  get running(): boolean {
    return this.endedAt === undefined
  }

  /** Takes over what is new in its journal. */
  read(): void {
    for (const line of this.#reader.read()) {
      this.lines.push(line)
      if (line.kind === 'acked') this.acks++
    }
  }

  /** To a process that may be about to end. */
  tell(message: number): void {
    // Without a listener for errors a message that came too late would be one.
    if (this.child.connected) this.child.send(message, () => undefined)
  }

  log(): string {
    return readFileSync(this.#log, 'utf8')
  }

  /** Asks it to end, with TERM, and does not wait for that. */
  dismiss(): void {
    this.dismissed = true
    this.child.kill('SIGTERM')
  }

  kill(): Promise<void> {
    this.killedAt = monotonic()
    this.dismissed = true
    this.child.kill('SIGKILL')
    return this.ended
  }

  /** Linux says how much memory a process has had; elsewhere 0. */
  lookAtMemory(): void {
    try {
      const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8')) ?? []
      this.peakMemory = Math.max(this.peakMemory, Number(kilobytes ?? 0) * 1024)
    } catch {
      // It is gone, or this is not Linux.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.kill()
  }

  async #ready(): Promise<void> {
    const said = once(this.child, 'message')
    const ended = this.ended.then(() => {
      throw new Error(`${this.name} ended before it was ready:\n${this.log()}`)
    })
    await Promise.race([said, this.#saidInLog(), ended])
    this.readyAt = monotonic()
  }

  /** `lovage worker` says it there. */
  async #saidInLog(): Promise<void> {
    while (this.endedAt === undefined && !this.log().includes(' ready.')) await pause(20)
  }
}

/** Processes on one SQLite file, in a folder that goes away with them. */
export class Cluster implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lovage-chaos-'))
  readonly processes: ChaosProcess[] = []
  readonly settings: ClusterSettings
  readonly app: App
  #connection: Promise<Connection> | undefined

  constructor(settings: Partial<ClusterSettings> = {}) {
    this.settings = { ...DEFAULTS, ...settings }
    this.app = clientApp({ ...this.settings, database: this.#database })
  }

  get workers(): readonly ChaosProcess[] {
    return this.processes.filter(({ name }) => name.startsWith('worker'))
  }

  startWorker(program: WorkerProgram = 'program'): ChaosProcess {
    const name = `worker-${this.workers.length + 1}`
    if (program === 'program') return this.#start(name, [childScript('worker')])
    const { concurrency } = this.settings
    const command = new URL('../../src/cli/main.js', import.meta.url).pathname
    const options = ['-c', String(concurrency), '-n', `${name}@%h`, '-l', 'info']
    return this.#start(name, [command, '-A', childScript('app'), 'worker', ...options])
  }

  startProducer(...args: readonly string[]): ChaosProcess {
    return this.#start('producer', [childScript('producer'), ...args])
  }

  /** What the broker says of every queue. */
  async queues(): Promise<readonly QueueStats[]> {
    this.#connection ??= this.app.broker().then(broker => broker.connect({ name: 'orchestrator' }))
    return (await this.#connection).list()
  }

  /** Everything that was accepted has come to its end. */
  async empty(): Promise<boolean> {
    return (await this.queues()).every(({ ready, held, delayed }) => ready + held + delayed === 0)
  }

  /** Tells every worker to end, and waits for it. Rejects when one does not within `deadline` ms. */
  async stopWorkers(deadline = 15_000): Promise<void> {
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
    const connection = await this.#connection
    await connection?.[Symbol.asyncDispose]()
    await this.app[Symbol.asyncDispose]()
    const broker = await this.app.broker()
    await broker[Symbol.asyncDispose]()
    return readdirSync(this.folder).filter(name => !EXPECTED.test(name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map(each => each[Symbol.asyncDispose]()))
    await this.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  get #database(): string {
    return join(this.folder, 'chaos.db')
  }

  #start(name: string, args: readonly string[]): ChaosProcess {
    const journal = journalPath(this.folder, name)
    const settings: ChaosSettings = { ...this.settings, database: this.#database, journal, name: `${name}@chaos` }
    const started = new ChaosProcess(name, this.folder, args, environmentOf(settings))
    this.processes.push(started)
    return started
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Waits for what other processes do. */
export async function until(what: string, look: () => boolean | Promise<boolean>, deadline = 30_000): Promise<void> {
  const end = monotonic() + deadline
  while (!(await look())) {
    if (monotonic() > end) throw new Error(`waited in vain for ${what}`)
    await pause(20)
  }
}

async function within(deadline: number, what: string, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), deadline)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function journalPath(folder: string, name: string): string {
  return join(folder, `${name}.journal`)
}

function childScript(name: string): string {
  return new URL(`./children/${name}.js`, import.meta.url).pathname
}
