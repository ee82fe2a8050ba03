import { messageBytes } from '../brokers/virtual/delivery.js'
import { errorText } from '../lib/error-text.js'
import { type DeadLetterRecord, deadQueue, toDeadLetter } from '../protocol/dead-letter.js'
import type { Message } from '../protocol/message.js'
import { persist } from './persist.js'
import type { Running } from './running.js'
import { sendOutgoing } from './send-outgoing.js'
import type { Outgoing, World } from './world.js'

/** D61: confirmed, or not done. Messages that never became a request are not `running`. */
export async function writeDeadLetter(
  message: Message,
  record: DeadLetterRecord,
  publishId: string,
  running: Running | undefined,
  world: World,
): Promise<'written' | 'full' | 'failed'> {
  const queue = deadQueue(record.queue)
  const letter = toDeadLetter(message, record)
  if (!(await world.deadLetterRoom(record.queue, messageBytes(letter)))) return 'full'
  const outgoing: Outgoing = {
    message: letter,
    queue: { name: queue, durable: true },
    to: { exchange: '', routingKey: queue },
    publishId,
    notBefore: undefined,
  }
  const sent = await persist(() => sendOutgoing(outgoing, world), publishId, running, world)
  if (sent.kind === 'done') {
    world.buried(record)
    return 'written'
  }
  if (sent.kind === 'impossible') {
    world.runtime.log.critical(`Dead letter for ${record.queue} could not be written: ${errorText(sent.error)}`)
  }
  return 'failed'
}
