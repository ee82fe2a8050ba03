import type { Clock, LoopLook } from './runtime.js'
import type { Ms } from './time.js'

/** How often the loop is looked at; a lag that is over before the next look is seen all the same. */
const EVERY: Ms = 1000

/** Measures how late the event loop that serves `clock` comes to what is due. */
export function loopLooks(clock: Clock, looked: (look: LoopLook) => void): Disposable {
  let from = clock.steady()
  let timer = clock.timer(EVERY, look)
  function look(): void {
    timer = clock.timer(EVERY, look)
    const to = clock.steady()
    const lag = Math.max(0, to - from - EVERY)
    const since = from
    from = to
    looked({ from: since, to, lag })
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
