import { openSync, readSync } from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { threadId } from 'node:worker_threads'

/*
 * Loaded before anything else (`--import`): from then on this process's wall clock is off by so many ms as the file named
 * by CLOCK_OFFSET says now, in every thread. Node's steady clock and the kernel's stay as they are.
 */

const file = openSync(process.env['CLOCK_OFFSET'] ?? '', 'r')
const buffer = Buffer.alloc(32)
const real = Date.now

Date.now = () => real() + Number(buffer.toString('latin1', 0, readSync(file, buffer, 0, 32, 0)))

// Threads are started without the options of their process.
const threads = createRequire(import.meta.url)('node:worker_threads')
if (threadId === 0) {
  threads.Worker = class extends threads.Worker {
    constructor(path: URL, options: object) {
      super(path, { ...options, execArgv: ['--import', import.meta.url] })
    }
  }
  syncBuiltinESMExports()
}
