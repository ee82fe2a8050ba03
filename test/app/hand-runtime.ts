import { loopLooks } from '../../src/lib/loop-looks.js'
import { type MemoryLog, memoryLog } from '../../src/lib/memory-log.js'
import type { Host, Random, Runtime } from '../../src/lib/runtime.js'
import { HandClock } from '../support/hand-clock.js'

/** A runtime in which time passes by hand and chance repeats itself. */
export interface HandRuntime extends Runtime {
  readonly clock: HandClock
  readonly lines: MemoryLog['lines']
}

export function handRuntime(): HandRuntime {
  const { log, lines } = memoryLog()
  const clock = new HandClock()
  const watchLoop: Host['watchLoop'] = looked => loopLooks(clock, looked)
  return { clock, random: counting(), log, lines, host: { ...HOST, watchLoop } }
}

const HOST: Host = { name: 'here', pid: 7, cpus: 2, system: 'Linux', loadAverage: () => [0.5, 0.25, 0.125] }

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
