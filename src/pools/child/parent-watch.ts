import { Socket } from 'node:net'
import { LIFE_FD } from './descriptors.js'

/* The entry of a child's thread that waits for its parent's death, and then ends the child and all that it has started. */

watch()

function watch(): void {
  const life = new Socket({ fd: LIFE_FD, readable: true, writable: false })
  life.on('error', endAll)
  life.on('close', endAll)
  life.resume()
}

function endAll(): void {
  try {
    // The child leads a process group of its own (prefork/start-process.ts).
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    process.kill(process.pid, 'SIGKILL')
  }
}
