import { type ManagedQueue, type ManagementTarget, managedQueues } from '../../drivers/amqp/management.js'
import type { Log } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Queue } from '../broker.js'
import { droppingQueues } from './delivery-limits.js'
import { isQuorum } from './topology.js'

export interface LimitWarningParts {
  readonly management: ManagementTarget | undefined
  readonly log: Log
  /** Of the server. */
  readonly version: string
  /** False when the connection is over. */
  open(): boolean
  /** Ends early with the connection. */
  pause(ms: Ms): Promise<void>
}

/** How often, and after which pauses, the management plugin is asked for the policies of new queues. */
const POLICY_TRIES = 4
const POLICY_PAUSE: Ms = 3000

/** Says which of these queues drop messages that come back too often (D34). Nothing waits for it; never rejects. */
export async function warnOfLimits(queues: readonly Queue[], parts: LimitWarningParts): Promise<void> {
  if (!queues.some(isQuorum)) return
  const managed = await policies(queues, parts)
  for (const { name, limit } of droppingQueues(queues, managed, parts.version)) {
    parts.log.warning(
      `Quorum queue '${name}' drops a message after ${limit} returns, because it has a delivery limit and no dead-letter exchange. Give it one by a policy (dead-letter-exchange), or lift the limit (delivery-limit).`,
      { queue: name },
    )
  }
}

/** Of a queue that was declared just now the plugin knows the policies a few seconds later. */
async function policies(
  queues: readonly Queue[],
  { management, open, pause }: LimitWarningParts,
): Promise<readonly ManagedQueue[] | undefined> {
  if (management === undefined) return undefined
  for (let tries = 0; ; tries++) {
    const managed = await managedQueues(management)
    const known = managed?.filter(each => each.policy !== undefined).map(each => each.name)
    const all = known === undefined || queues.every(({ name }) => known.includes(name))
    if (all || tries === POLICY_TRIES || !open()) return managed
    await pause(POLICY_PAUSE)
  }
}
