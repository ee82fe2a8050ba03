import type { ManagedQueue } from '../../drivers/amqp/management.js'
import type { Queue } from '../broker.js'
import { isQuorum } from './topology.js'

/** From RabbitMQ 4 on every quorum queue has this limit. */
const DEFAULT_LIMIT = 20

/**
 * Quorum queues that drop a message for good after so many returns (D34): a limit, and no dead-letter exchange. Policies are
 * known where the management plugin answers (`managed`).
 */
export function droppingQueues(
  queues: readonly Queue[],
  managed: readonly ManagedQueue[] | undefined,
  version: string,
): readonly { readonly name: string; readonly limit: number }[] {
  return queues.flatMap(queue => {
    const found = managed?.find(({ name }) => name === queue.name)
    if (!isQuorum(queue) && found?.type !== 'quorum') return []
    const own = { ...queue.arguments, ...found?.arguments }
    const policy = found?.policy ?? {}
    if (own['x-dead-letter-exchange'] !== undefined || policy['dead-letter-exchange'] !== undefined) return []
    const limits = [own['x-delivery-limit'], policy['delivery-limit']].filter(limit => typeof limit === 'number')
    const limit = limits.length > 0 ? Math.min(...limits) : Number.parseInt(version, 10) >= 4 ? DEFAULT_LIMIT : -1
    return limit < 0 ? [] : [{ name: queue.name, limit }]
  })
}
