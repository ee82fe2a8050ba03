import type { Ms } from '../../lib/time.js'
import type { Queue } from '../broker.js'

/**
 * How long a message may wait in a queue that goes with its last consumer: its `x-message-ttl`. Other queues keep what they
 * have, whatever they say: tasks have `expires`.
 */
export function messageTtl({ autoDelete, arguments: given }: Queue): Ms | undefined {
  const ttl = given?.['x-message-ttl']
  return autoDelete === true && typeof ttl === 'number' && ttl >= 0 ? ttl : undefined
}
