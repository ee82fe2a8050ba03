import { setTimeout as pause } from 'node:timers/promises'
import { quantile, type Sample } from '../row.js'

/** Per round. */
export const SENDS = 200
/** Between two sends, ms: everybody has gone to sleep again. */
export const GAP = 15

/** From the send to the result in the sender's hand, again and again. */
export async function sends(act: () => Promise<unknown>): Promise<Sample> {
  const times: number[] = []
  for (let i = 0; i < SENDS; i++) {
    await pause(GAP)
    const started = performance.now()
    await act()
    times.push(performance.now() - started)
  }
  return quantiles(times)
}

export function quantiles(times: readonly number[]): Sample {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}
