import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { PostgresError } from './postgres-error.js'

/** What met other transactions is tried again so often, after a pause up to so long. */
const TRIES = 5
const PAUSE: Ms = 50

/** A statement that lost against other transactions (deadlock, lock timeout, serialization) has done nothing: again (F35). */
export async function tryAgain<T>(
  runtime: Pick<Runtime, 'clock' | 'random'>,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act()
    } catch (error) {
      const lost = error instanceof PostgresError && error.trouble === 'CONFLICT'
      if (!lost || tries >= TRIES || signal.aborted) throw error
      await runtime.clock.sleep(runtime.random.next() * PAUSE, signal)
    }
  }
}
