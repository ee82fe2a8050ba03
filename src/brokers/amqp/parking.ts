import { createHash } from 'node:crypto'
import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Address } from '../broker.js'
import { type Cascade, declareCascade, delayKey, LONGEST, levelOf } from './cascade.js'

/*
 * Where messages wait that must not be held by a worker: anything not due for more than a minute (D32), and what is handed
 * back with a delay. Exchanges and queues `lovage.delay.0` … `.27` and the exchange `lovage.delay.out`: no name that Celery
 * declares. The target queue is bound to the last exchange by its own name behind exactly 28 words, so that no name can
 * match another queue's messages.
 */

export function parkingCascade(queueType: Cascade['queueType']): Cascade {
  return { name: level => `lovage.delay.${level}`, out: OUT, queueType }
}

const OUT = 'lovage.delay.out'

/** Declares what is needed, once per connection: levels that were used, and the way to each queue. */
export class Parking {
  readonly #cascade: Cascade
  readonly #bound = new Set<string>()
  #levels = 0

  constructor(cascade: Cascade) {
    this.#cascade = cascade
  }

  /** Where a message goes that is to be in `queue` after `delay`; whole seconds, at least one. */
  async address(channel: AmqpChannel, queue: QueueName, delay: Ms): Promise<Address> {
    const seconds = Math.min(LONGEST, Math.max(1, Math.floor(delay / 1000)))
    const level = levelOf(seconds)
    if (level >= this.#levels) {
      await declareCascade(channel, this.#cascade, this.#levels, level)
      this.#levels = level + 1
    }
    const word = wordFor(queue)
    if (!this.#bound.has(queue)) {
      await channel.bindQueue(queue, OUT, `${'*.'.repeat(28)}${word}`)
      this.#bound.add(queue)
    }
    return { exchange: this.#cascade.name(level), routingKey: `${delayKey(seconds)}.${word}` }
  }

  forget(): void {
    this.#bound.clear()
    this.#levels = 0
  }
}

/** One word that stands for a queue: its name, where that is one, and short enough for a routing key. */
function wordFor(queue: QueueName): string {
  if (/^[\w-]{1,150}$/.test(queue) && !queue.startsWith('sha-')) return queue
  return `sha-${createHash('sha256').update(queue).digest('hex').slice(0, 40)}`
}

export function cameByParking(exchange: string): boolean {
  return exchange.startsWith('lovage.delay.')
}
