import { clearTimeout, setImmediate, setTimeout } from 'node:timers'
import type { Ms } from '../../lib/time.js'

/** What keeps a process alive without anything being under way: terminals, channels to a test runner, listening servers. */
const PASSIVE: ReadonlySet<string> = new Set([
  'Immediate',
  'MessagePort',
  'Pipe',
  'PipeWrap',
  'SignalWrap',
  'StatWatcher',
  'TCPServerWrap',
  'TTYWrap',
  'TickObject',
])

/** Turns in which what has just become ready can still call back. */
const TURNS = 3

/** A turn of the event loop: all microtasks run out, and I/O that is ready calls back. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/**
 * Whether this process works on something real: files, sockets, timers, child processes. Node says what it waits for;
 * timers that were there from the beginning belong to the test runner.
 */
export class RealWork {
  readonly #timersOfOthers: number = count('Timeout')
  #alarms = 0

  /** Calls `act` after so much real time, and keeps the process alive till then, but is no work. */
  alarm(ms: Ms, act: () => void): Disposable {
    const end = (): void => {
      if (pending) this.#alarms--
      pending = false
    }
    let pending = true
    this.#alarms++
    const timer = setTimeout(() => {
      end()
      act()
    }, ms)
    return {
      [Symbol.dispose]: () => {
        end()
        clearTimeout(timer)
      },
    }
  }

  /** True after having waited a moment for what is under way; false when nothing is. */
  async wait(): Promise<boolean> {
    for (let turn = 0; turn < TURNS; turn++) await turnOfTheLoop()
    if (!this.#goesOn()) return false
    await new Promise(resolve => setTimeout(resolve, 1))
    return true
  }

  #goesOn(): boolean {
    const active = process.getActiveResourcesInfo().filter(kind => !PASSIVE.has(kind))
    return active.some(kind => kind !== 'Timeout') || active.length > this.#timersOfOthers + this.#alarms
  }
}

/** A stopwatch in real time. */
export function realTime(): Ms {
  return performance.now()
}

function count(kind: string): number {
  return process.getActiveResourcesInfo().filter(active => active === kind).length
}
