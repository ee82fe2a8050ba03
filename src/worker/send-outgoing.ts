import { NotSentError } from '../brokers/errors.js'
import type { Outgoing, World } from './world.js'

/** Publishes on the connection of the present session; its queue is declared first. */
export async function sendOutgoing(outgoing: Outgoing, world: Pick<World, 'live'>): Promise<void> {
  const connection = world.live()
  if (connection === undefined) {
    throw new NotSentError('LVG_NOT_CONNECTED', 'The worker is not connected to its broker.', { transient: true })
  }
  if (outgoing.queue !== undefined) await connection.declare({ queues: [outgoing.queue] })
  const { publishId, notBefore } = outgoing
  await connection.publish(outgoing.message, outgoing.to, {
    publishId,
    ...(notBefore === undefined ? {} : { notBefore }),
  })
}
