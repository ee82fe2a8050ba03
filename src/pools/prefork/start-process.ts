import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { afterPoll } from '../after-poll.js'
import { HEARD_FD, LIFE_FD, SAID_FD } from '../child/descriptors.js'
import { childEnvironment, childExecArgv } from '../child-environment.js'
import { FrameReader, toFrame } from '../child-frames.js'
import type { ChildLine, ChildListener, StartChild } from '../child-line.js'
import type { ToChild } from '../child-protocol.js'

export interface StartProcessOptions {
  /** The module that runs in it. */
  readonly module: URL
  readonly clock: Clock
  /** How long the rest of what it sent is waited for once it is gone: somebody may hold its end open. */
  readonly lostWait: Ms
}

/**
 * Children as processes. Each leads a process group, so that what it has started goes with it, and the terminal's signals do
 * not reach it. Its output is the parent's. Three more descriptors: a socket for frames either way, and a pipe that ends with the parent.
 */
export function startProcess(options: StartProcessOptions): StartChild {
  return listener => new ProcessChild(options, listener)
}

class ProcessChild implements ChildLine {
  readonly #options: StartProcessOptions
  readonly #listener: ChildListener
  readonly #process: ChildProcess
  readonly #said: Writable
  readonly #heard: Readable
  readonly #life: Writable
  #exit: string | undefined
  #drained = false
  #ended = false

  constructor(options: StartProcessOptions, listener: ChildListener) {
    this.#options = options
    this.#listener = listener
    this.#process = spawn(process.execPath, [...childExecArgv(process.execArgv), fileURLToPath(options.module)], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', 'pipe'],
      detached: true,
      env: childEnvironment(process.env),
    })
    // Node makes a two-way socket of every 'pipe'.
    // Of more than five descriptors the types do not tell.
    const pipes: readonly unknown[] = this.#process.stdio
    this.#said = pipes[HEARD_FD] as Writable
    this.#heard = pipes[SAID_FD] as Readable
    this.#life = pipes[LIFE_FD] as Writable
    this.#hear()
  }

  /** 0: there is no process. */
  get id(): number {
    return this.#process.pid ?? 0
  }

  send(message: ToChild): void {
    const frame = toFrame(message)
    if (this.#said.writable) this.#said.write(frame)
  }

  get flushed(): boolean {
    return this.#said.writableLength === 0
  }

  /** What has come to its end is read as long as there is anything, and told by that. */
  caughtUp(callback: () => void): void {
    afterPoll(callback)
  }

  signal(name: string): void {
    try {
      this.#process.kill(name as NodeJS.Signals)
    } catch {
      // The system has no such signal.
      this.destroy()
    }
  }

  destroy(): void {
    if (this.#exit === undefined) this.#killGroup()
  }

  #hear(): void {
    const reader = new FrameReader()
    this.#heard.on('data', (bytes: Buffer) => {
      if (this.#ended) return
      try {
        reader.push(bytes, message => this.#listener.received(message))
      } catch (error) {
        this.#heard.destroy()
        this.#listener.garbled(error)
      }
    })
    // What is lost with a child that goes is told by its end.
    for (const pipe of [this.#said, this.#heard, this.#life]) pipe.on('error', () => undefined)
    this.#heard.once('close', () => {
      this.#drained = true
      this.#tellEnd()
    })
    this.#process.once('error', error => this.#gone(`it could not be started: ${error.message}`))
    this.#process.once('exit', (code, signal) => this.#gone(exitText(code, signal)))
  }

  #gone(exit: string): void {
    if (this.#exit !== undefined) return
    this.#exit = exit
    // Its pid stays taken while a process of its group lives.
    this.#killGroup()
    this.#said.destroy()
    this.#life.destroy()
    const late = this.#options.clock.timer(this.#options.lostWait, () => this.#heard.destroy())
    this.#heard.once('close', () => late[Symbol.dispose]())
    this.#tellEnd()
  }

  #tellEnd(): void {
    if (this.#exit === undefined || !this.#drained || this.#ended) return
    this.#ended = true
    this.#listener.ended(this.#exit)
  }

  #killGroup(): void {
    const { pid } = this.#process
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // Nobody is left in it; or this system has no groups.
      if (this.#exit === undefined) this.#process.kill('SIGKILL')
    }
  }
}

/** In Celery's words. Source: billiard/common.py `human_status`. */
function exitText(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === null) return `exitcode ${code ?? 'unknown'}`
  return `signal ${constants.signals[signal]} (${signal})`
}
