import { Worker } from 'node:worker_threads'
import { afterPoll } from '../after-poll.js'
import { childEnvironment } from '../child-environment.js'
import type { ChildLine, ChildListener, StartChild } from '../child-line.js'
import type { ToChild } from '../child-protocol.js'
import { cloning } from '../cloning.js'

/**
 * Children as threads of this process, each with an event loop, a heap and modules of its own. Ending one stops its
 * JavaScript wherever it is; code that sits in the system (a blocking call of a native module) it cannot stop.
 */
export function startThread(module: URL): StartChild {
  return listener => new ThreadChild(module, listener)
}

class ThreadChild implements ChildLine {
  /** What is posted is the child's at once. */
  readonly flushed = true
  readonly #thread: Worker
  readonly id: number
  #error: unknown

  constructor(module: URL, listener: ChildListener) {
    const env = childEnvironment(process.env)
    this.#thread = new Worker(module, { name: 'lovage child', env: env as Record<string, string> })
    this.id = this.#thread.threadId
    this.#thread.on('message', message => listener.received(message))
    this.#thread.on('messageerror', error => listener.garbled(error))
    this.#thread.on('error', error => {
      this.#error = error
    })
    this.#thread.once('exit', code => listener.ended(exitText(code, this.#error)))
  }

  send(message: ToChild): void {
    if (message.kind !== 'call' || typeof message.task.body === 'string') {
      cloning(() => this.#thread.postMessage(message))
      return
    }
    // Copied once, by itself: it may lie in a larger buffer, and is still needed here. The copy changes hands.
    const body = new Uint8Array(message.task.body)
    const copy: ToChild = { ...message, task: { ...message.task, body } }
    cloning(() => this.#thread.postMessage(copy, [body.buffer as ArrayBuffer]))
  }

  caughtUp(callback: () => void): void {
    afterPoll(callback)
  }

  signal(): void {
    void this.#thread.terminate()
  }

  destroy(): void {
    void this.#thread.terminate()
  }
}

function exitText(code: number, error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 256) : `exitcode ${code}`
}
