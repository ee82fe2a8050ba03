import type { ResultBackend } from '../backends/backend.js'
import { BackendError } from '../backends/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import type { Runtime } from '../lib/runtime.js'
import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'

/** Where records come from. */
export interface RecordSource {
  readonly runtime: Runtime
  /** Throws `LVG_NO_RESULT_BACKEND`. */
  resultBackend(): Promise<ResultBackend>
}

const AGAIN: BackoffRule = { first: 50, cap: 1000 }

/**
 * The present records of the ids and every later change, until the loop over them is left or `signal` fires, with whose reason
 * it rejects then. A store that goes away for a while is asked again, and begins with the present records.
 */
export async function* watchRecords(
  ids: readonly TaskId[],
  source: RecordSource,
  signal: AbortSignal,
): AsyncGenerator<ResultMeta, void, undefined> {
  const { clock, random } = source.runtime
  const backend = await source.resultBackend()
  for (let attempt = 0; ; attempt++) {
    // Ends the watch when the loop is left.
    const watching = new AbortController()
    try {
      for await (const meta of backend.watch(ids, AbortSignal.any([signal, watching.signal]))) {
        attempt = 0
        yield meta
      }
    } catch (error) {
      if (!(error instanceof BackendError && error.transient)) throw error
    } finally {
      watching.abort()
    }
    signal.throwIfAborted()
    await clock.sleep(backoff(attempt, AGAIN, random), signal)
  }
}
