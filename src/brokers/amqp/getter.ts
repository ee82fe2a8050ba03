import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import type { Clock } from '../../lib/runtime.js'
import type { QueueName } from '../../protocol/ids.js'
import { AmqpDelivery, type DeliveryOwner } from './amqp-delivery.js'
import { Holdings } from './holdings.js'

export interface GetterParts {
  readonly wire: Pick<AmqpWire, 'channel' | 'flush'>
  readonly owner: DeliveryOwner
  readonly clock: Pick<Clock, 'now'>
}

interface Lane {
  readonly channel: AmqpChannel
  readonly holdings: Holdings<AmqpDelivery>
}

/** Takes messages that are asked for, without consuming, over a channel of its own. */
export class Getter {
  readonly #parts: GetterParts
  #lane: Promise<Lane> | undefined
  /** Of the channel that was opened last. */
  #holdings: Holdings<AmqpDelivery> | undefined

  constructor(parts: GetterParts) {
    this.#parts = parts
  }

  /** Nothing of a queue that is not there. Rejects with `AmqpError`. */
  async get(queue: QueueName, limit: number): Promise<readonly AmqpDelivery[]> {
    const { owner, clock } = this.#parts
    const deliveries: AmqpDelivery[] = []
    try {
      const { channel, holdings } = await this.#opened()
      while (deliveries.length < limit) {
        const incoming = await channel.get(queue)
        if (incoming === undefined) break
        deliveries.push(new AmqpDelivery(incoming, { name: queue }, holdings, owner, clock.now()))
      }
    } catch (cause) {
      if ((cause as AmqpError).reply !== 404) throw cause
    }
    return deliveries
  }

  /** Verdicts that wait leave now. */
  async flush(): Promise<void> {
    await this.#lane?.catch(() => undefined)
    this.#holdings?.flush()
  }

  /** The connection is gone. */
  end(): void {
    this.#holdings?.end()
  }

  #opened(): Promise<Lane> {
    this.#lane ??= this.#open()
    return this.#lane
  }

  async #open(): Promise<Lane> {
    const { wire } = this.#parts
    const channel = await this.#channel()
    const holdings = new Holdings<AmqpDelivery>(channel, () => wire.flush())
    this.#holdings = holdings
    void channel.closed.then(() => {
      holdings.end()
      this.#lane = undefined
    })
    return { channel, holdings }
  }

  /** One that cannot be opened is asked for again the next time. */
  async #channel(): Promise<AmqpChannel> {
    try {
      return await this.#parts.wire.channel()
    } catch (error) {
      this.#lane = undefined
      throw error
    }
  }
}
