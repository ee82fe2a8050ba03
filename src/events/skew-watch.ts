import { BoundedMap } from '../lib/bounded-map.js'
import type { Ms } from '../lib/time.js'
import type { ReceivedEvent } from './received-event.js'

/** Source: celery/events/state.py `HEARTBEAT_DRIFT_MAX`. */
const MOST: Ms = 16_000
const ONCE_PER: Ms = 3_600_000
/** L18. */
const NODES = 10_000

/** Sees by heartbeats whose wall clock differs from ours; says so once per node and hour (D97). */
export class SkewWatch {
  readonly #told = new BoundedMap<string, true>({ max: NODES, ttl: ONCE_PER })

  /** The warning that is due, if any. */
  notice(event: ReceivedEvent): string | undefined {
    if (!event.type.startsWith('worker-')) return undefined
    const skew = event.timestamp - event.receivedAt
    if (Math.abs(skew) <= MOST) return undefined
    if (this.#told.get(event.hostname, event.seenAt) === true) return undefined
    this.#told.set(event.hostname, true, event.seenAt)
    const direction = skew > 0 ? 'ahead of' : 'behind'
    const seconds = Math.round(Math.abs(skew) / 1000)
    return `The clock of ${event.hostname} is ${seconds} s ${direction} this host's. Etas and expiries of tasks are off by as much: set both hosts' clocks right, for example by NTP.`
  }
}
