import { type MemoryLog, memoryLog } from '../../src/lib/memory-log.js'
import type { Random, Runtime } from '../../src/lib/runtime.js'
import { HandClock } from '../support/hand-clock.js'

/** A runtime in which time passes by hand and chance repeats itself. */
export interface HandRuntime extends Runtime {
  readonly clock: HandClock
  readonly lines: MemoryLog['lines']
}

export function handRuntime(): HandRuntime {
  const { log, lines } = memoryLog()
  return { clock: new HandClock(), random: counting(), log, lines, host: { name: 'here', pid: 7, cpus: 2 } }
}

/** Half of everything; bytes that never repeat. */
function counting(): Random {
  let count = 0
  return {
    next: () => 0.5,
    bytes: n => {
      const bytes = new Uint8Array(n)
      new DataView(bytes.buffer).setUint32(n - 4, ++count)
      return bytes
    },
  }
}
