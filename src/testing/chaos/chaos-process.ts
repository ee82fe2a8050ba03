import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JournalLine, JournalReader, monotonic } from './journal.js'
import type { Trouble } from './judge.js'
import { pause } from './waiting.js'

export interface ChaosStart {
  readonly name: string
  /** For its log and journal; its working directory. */
  readonly folder: string
  /** Default: Node. */
  readonly command?: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Told every line of its journal. */
  heard?(line: JournalLine): void
}

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
  /** When its connections were broken, or it stood still; kills are told by `killedAt`. */
  readonly trouble: Trouble[] = []
  readonly #reader: JournalReader
  readonly #log: string
  readonly #heard: ((line: JournalLine) => void) | undefined

  constructor(start: ChaosStart) {
    const { name, folder, command = process.execPath, args, environment, heard } = start
    this.name = name
    this.#heard = heard
    this.#log = join(folder, `${name}.log`)
    this.#reader = new JournalReader(journalPath(folder, name))
    const log = openSync(this.#log, 'a')
    this.child = spawn(command, args, {
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
      this.#heard?.(line)
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

  /** `lovage worker` says it there, and so does Celery's. */
  async #saidInLog(): Promise<void> {
    while (this.endedAt === undefined && !this.log().includes(' ready.')) await pause(20)
  }
}

export function journalPath(folder: string, name: string): string {
  return join(folder, `${name}.journal`)
}
