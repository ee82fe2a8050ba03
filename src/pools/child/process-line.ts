import { AsyncResource } from 'node:async_hooks'
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterPoll } from '../after-poll.js'
import { FrameReader, toFrame } from '../child-frames.js'
import type { FromChild, ToChild } from '../child-protocol.js'
import { HEARD_FD, SAID_FD } from './descriptors.js'
import type { ParentLine } from './parent-line.js'
import { printed } from './printed.js'

/** Of a child process: sockets that only the parent has the other ends of. */
export class ProcessLine implements ParentLine {
  readonly #heard = new Socket({ fd: HEARD_FD, readable: true, writable: false })
  readonly #said = new Socket({ fd: SAID_FD, readable: false, writable: true })
  readonly #root = new AsyncResource('lovage.child')
  #leaving = false

  constructor() {
    process.title = 'lovage child'
    watchParent()
    // The terminal's Ctrl-C is the parent's to understand.
    process.on('SIGINT', () => undefined)
    for (const socket of [this.#heard, this.#said]) {
      socket.on('error', () => process.exit())
      socket.on('close', () => {
        if (!this.#leaving) process.exit()
      })
    }
  }

  get backlog(): number {
    return this.#said.writableLength
  }

  send(message: FromChild): void {
    this.#said.write(toFrame(message))
  }

  caughtUp(callback: () => void): void {
    this.#root.runInAsyncScope(() => {
      if (this.backlog === 0) afterPoll(callback)
      else this.#said.write('', () => afterPoll(callback))
    })
  }

  listen(listener: (message: ToChild) => void): void {
    const reader = new FrameReader()
    this.#heard.on('data', bytes => {
      // The parent is the same program: what it sends can be read.
      reader.push(bytes, message => listener(message as ToChild))
    })
  }

  memory(): number {
    return Math.round(process.memoryUsage.rss() / 1024)
  }

  onStrayError(listener: (error: unknown, how: 'exception' | 'rejection') => void): void {
    process.on('uncaughtException', error => listener(error, 'exception'))
    process.on('unhandledRejection', error => listener(error, 'rejection'))
  }

  exit(code: number): void {
    this.#leaving = true
    process.exitCode = code
    this.#said.end(() => void printed().then(() => process.exit(code)))
  }
}

/** On a thread of its own: user code may keep the event loop for as long as it likes (D83). */
function watchParent(): void {
  const watch = new Worker(new URL('./parent-watch.js', import.meta.url), {
    name: 'parent watch',
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    execArgv: [],
  })
  watch.unref()
}
