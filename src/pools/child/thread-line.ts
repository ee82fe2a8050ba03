import { AsyncResource } from 'node:async_hooks'
import { getHeapStatistics } from 'node:v8'
import type { MessagePort } from 'node:worker_threads'
import { afterPoll } from '../after-poll.js'
import type { FromChild, ToChild } from '../child-protocol.js'
import { cloning } from '../cloning.js'
import type { ParentLine } from './parent-line.js'
import { printed } from './printed.js'

/** Of a thread: its port. */
export class ThreadLine implements ParentLine {
  /** What is posted is the parent's at once. */
  readonly backlog = 0
  readonly #port: MessagePort
  readonly #root = new AsyncResource('lovage.child')

  constructor(port: MessagePort) {
    this.#port = port
  }

  send(message: FromChild): void {
    cloning(() => this.#port.postMessage(message))
  }

  caughtUp(callback: () => void): void {
    this.#root.runInAsyncScope(() => afterPoll(callback))
  }

  listen(listener: (message: ToChild) => void): void {
    this.#port.on('message', listener)
  }

  /** Of the thread's own heap and what hangs on it: the process' memory is everybody's. */
  memory(): number {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
    return Math.round((heap + external) / 1024)
  }

  onStrayError(listener: (error: unknown, how: 'exception' | 'rejection') => void): void {
    process.on('uncaughtException', error => listener(error, 'exception'))
    process.on('unhandledRejection', error => listener(error, 'rejection'))
  }

  exit(code: number): void {
    // What was posted has changed hands already.
    void printed().then(() => process.exit(code))
  }
}
