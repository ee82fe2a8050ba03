import type { App } from '../app/app.js'
import type { Connection } from '../brokers/broker.js'
import { messageBytes } from '../brokers/virtual/delivery.js'
import { deadQueue } from '../protocol/dead-letter.js'
import type { QueueName } from '../protocol/ids.js'
import type { DeadLetterGauge } from './dead-letter-gauge.js'
import type { Session } from './session.js'
import type { WorkerWatch } from './worker-watch.js'

export interface Burial {
  readonly gauge: DeadLetterGauge
  readonly session: Session
  readonly watch: WorkerWatch
  readonly app: App
  happened(type: string, fields: Readonly<Record<string, unknown>>): void
}

/** D64: a full dead-letter place stops its queue, loudly, until an operator has made room and the worker is restarted. */
export async function roomFor(
  queue: QueueName,
  bytes: number,
  { gauge, session, watch, app, happened }: Burial,
): Promise<boolean> {
  const connection = session.live
  if (connection === undefined) return true
  const { settings, runtime } = app
  for (;;) {
    const room = await gauge.room(queue, connection, runtime.clock.steady(), bytes)
    if (room === 'room') return true
    if (settings.deadLetterWhenFull === 'pause') {
      const holds =
        room === 'messages' ? `${settings.deadLetterMax} messages` : `about ${settings.deadLetterMaxBytes} bytes`
      watch.full(queue, holds)
      await session.pause(queue)
      return false
    }
    const dropped = await dropOldest(queue, connection, app)
    // What others are looking at just now cannot be dropped.
    if (dropped === undefined) return true
    gauge.dropped(queue, dropped)
    happened('dead-letter-dropped', { queue })
  }
}

/** Resolves to its bytes; undefined when there is none. */
async function dropOldest(queue: QueueName, connection: Connection, app: App): Promise<number | undefined> {
  const [oldest] = await connection.get(deadQueue(queue), 1)
  if (oldest === undefined) return undefined
  app.runtime.log.error(`Dead letter ${String(oldest.message.headers['id'])} of '${queue}' dropped: the place is full.`)
  await oldest.ack()
  return messageBytes(oldest.message)
}
