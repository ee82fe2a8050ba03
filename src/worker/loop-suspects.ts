import type { SteadyMs } from '../lib/time.js'

/** A stretch of user code: `name[id]`, and when it was under way; `to` is undefined while it still is. */
export interface Stretch {
  readonly task: string
  readonly from: SteadyMs
  readonly to: SteadyMs | undefined
}

/** More names say less. */
const MOST = 5

/**
 * Which tasks may have kept the event loop between two instants: those that were under way then, whoever had most of the
 * time first. Nobody can tell which of several it was.
 */
export function loopSuspects(stretches: Iterable<Stretch>, from: SteadyMs, to: SteadyMs): readonly string[] {
  const shares: { readonly task: string; readonly ms: number }[] = []
  for (const stretch of stretches) {
    const ms = Math.min(stretch.to ?? to, to) - Math.max(stretch.from, from)
    if (ms > 0) shares.push({ task: stretch.task, ms })
  }
  shares.sort((a, b) => b.ms - a.ms)
  return shares.slice(0, MOST).map(({ task }) => task)
}
