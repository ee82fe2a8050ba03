import type { Ms } from '../lib/time.js'

/**
 * Milliseconds on the kernel's monotonic clock: one clock for all processes of this machine since its start, never set,
 * never stepped (`CLOCK_MONOTONIC` on Linux). Lease ends are counted on it (D3b).
 */
export function kernelMonotonic(): Ms {
  return Number(process.hrtime.bigint() / 1_000_000n)
}
