import { randomFillSync } from 'node:crypto'
import { arch, availableParallelism, hostname, loadavg, release, type } from 'node:os'
import { silentLog } from './log.js'
import { loopLooks } from './loop-looks.js'
import { packageVersion } from './node-package-version.js'
import type { Clock, Host, Log, Random, ResourceUsage, Runtime } from './runtime.js'
import type { Ms } from './time.js'

/** The real world: Node's clocks and timers, the operating system's randomness, this host. */
export function nodeRuntime(options: { readonly log?: Log } = {}): Runtime {
  return { clock: nodeClock, random: new CryptoRandom(), log: options.log ?? silentLog, host: nodeHost() }
}

/** The longest span `setTimeout` takes (24.8 days); it fires at once for anything longer. */
const LONGEST_TIMEOUT: Ms = 2 ** 31 - 1

const nodeClock: Clock = Object.freeze({
  now: () => Date.now(),
  steady: () => performance.now(),
  sleep,
  timer,
})

function timer(ms: Ms, ring: () => void): Disposable {
  const due = performance.now() + ms
  let handle: NodeJS.Timeout
  const arm = (left: Ms): void => {
    handle = setTimeout(step, Math.min(Math.max(left, 0), LONGEST_TIMEOUT))
  }
  const step = (): void => {
    const left = due - performance.now()
    // Timers may fire up to 1 ms early; only the capped ones have a real rest.
    if (left > 1) arm(left)
    else ring()
  }
  arm(ms)
  return { [Symbol.dispose]: () => clearTimeout(handle) }
}

function sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const alarm = timer(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    const abort = (): void => {
      alarm[Symbol.dispose]()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}

const POOL_BYTES = 4096

/** The operating system's randomness, fetched 4 KiB at a time: a system call per id would cost more than the id. */
class CryptoRandom implements Random {
  readonly #pool = new Uint8Array(POOL_BYTES)
  readonly #view = new DataView(this.#pool.buffer)
  #used = POOL_BYTES

  next(): number {
    const at = this.#take(8)
    const high = this.#view.getUint32(at) >>> 5
    const low = this.#view.getUint32(at + 4) >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  bytes(n: number): Uint8Array {
    if (n > POOL_BYTES) return randomFillSync(new Uint8Array(n))
    const at = this.#take(n)
    return this.#pool.slice(at, at + n)
  }

  #take(n: number): number {
    if (this.#used + n > POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const at = this.#used
    this.#used += n
    return at
  }
}

function nodeHost(): Host {
  return {
    name: hostname(),
    pid: process.pid,
    cpus: availableParallelism(),
    system: type(),
    loadAverage: () => loadavg() as [number, number, number],
    // Reads a file: most never ask.
    get software() {
      return {
        lovage: packageVersion(),
        node: process.versions.node,
        release: release(),
        architecture: arch(),
      }
    },
    usage: resourceUsage,
    watchLoop: looked => loopLooks(nodeClock, looked),
  }
}

function resourceUsage(): ResourceUsage {
  const used = process.resourceUsage()
  return {
    userCpu: used.userCPUTime / 1000,
    systemCpu: used.systemCPUTime / 1000,
    rss: process.memoryUsage.rss(),
    maxRss: used.maxRSS,
    minorPageFaults: used.minorPageFault,
    majorPageFaults: used.majorPageFault,
    fsReads: used.fsRead,
    fsWrites: used.fsWrite,
    voluntaryContextSwitches: used.voluntaryContextSwitches,
    involuntaryContextSwitches: used.involuntaryContextSwitches,
  }
}
