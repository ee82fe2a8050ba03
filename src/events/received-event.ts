import type { EpochMs, SteadyMs } from '../lib/time.js'
import type { ClusterEvent } from '../protocol/cluster-event.js'

/** An event as it arrived here. */
export interface ReceivedEvent extends ClusterEvent {
  /** When, by this host's wall clock: what `timestamp` is to be compared with. */
  readonly receivedAt: EpochMs
  /** When, by this process's steady clock: signs of life are counted by it, whatever the wall clocks do (D95, D96). */
  readonly seenAt: SteadyMs
}
