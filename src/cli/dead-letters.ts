import { createHash } from 'node:crypto'
import type { Connection, Delivery } from '../brokers/broker.js'
import { type DeadLetterRecord, deadQueue, fromDeadLetter } from '../protocol/dead-letter.js'
import { type QueueName, queueName } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import { CommandError } from './errors.js'
import { EXIT } from './exit-code.js'

/** A message in the dead-letter place of a queue, held until it is settled. */
export interface DeadLetter {
  /** What the command line calls it: the task id, or a digest of the body where there is none. */
  readonly id: string
  /** The task's name, as far as the headers tell. */
  readonly task: string | undefined
  readonly delivery: Delivery
  /** The original message. */
  readonly message: Message
  /** undefined: somebody else put it there. */
  readonly record: DeadLetterRecord | undefined
}

/** How many are held at a time while looking through the place. */
const BATCH = 500

/**
 * Goes through the dead letters of `queue`, oldest first, until `visit` says that it has seen enough. What `visit` has not
 * settled goes back to its old place afterwards, uncounted; should this process die in between, the broker does the same.
 */
export async function eachDeadLetter(
  connection: Connection,
  queue: QueueName,
  visit: (letter: DeadLetter) => Promise<'settled' | 'kept' | 'enough'>,
): Promise<void> {
  const kept = new Set<Delivery>()
  try {
    for (;;) {
      const deliveries = await connection.get(deadQueue(queue), BATCH)
      if (deliveries.length === 0) return
      for (const delivery of deliveries) kept.add(delivery)
      for (const delivery of deliveries) {
        const verdict = await visit(readDeadLetter(delivery))
        if (verdict === 'settled') kept.delete(delivery)
        if (verdict === 'enough') return
      }
    }
  } finally {
    await Promise.all([...kept].map(delivery => delivery.requeue({ counted: false })))
  }
}

/** The queues that have a dead-letter place with something in it. */
export async function queuesWithDead(connection: Connection): Promise<readonly QueueName[]> {
  const listed = await connection.list()
  return listed
    .filter(row => row.queue.endsWith('.dead') && row.ready + row.held + row.delayed > 0)
    .map(row => queueName(row.queue.slice(0, -'.dead'.length)))
}

/** @returns the error that says there is no such letter */
export function noSuchLetter(queue: string, id: string): CommandError {
  return new CommandError(
    'LVG_DEAD_NOT_FOUND',
    `Queue ${JSON.stringify(queue)} has no dead letter with id ${JSON.stringify(id)}; lovage dead list ${queue} shows those there are.`,
    { exitCode: EXIT.error },
  )
}

function readDeadLetter(delivery: Delivery): DeadLetter {
  const found = fromDeadLetter(delivery.message)
  const message = found?.message ?? delivery.message
  const { headers, properties } = message
  const named = [headers['id'], properties.correlationId].find(each => typeof each === 'string' && each !== '')
  const task = headers['task']
  return {
    id:
      typeof named === 'string'
        ? named
        : `body-${createHash('sha256').update(message.body).digest('hex').slice(0, 12)}`,
    task: typeof task === 'string' ? task : undefined,
    delivery,
    message,
    record: found?.record,
  }
}
