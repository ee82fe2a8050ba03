import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'

/**
 * For declarations and questions, one after another: an error of one closes the channel, so nothing else may be on it
 * then; the next one opens a new channel.
 */
export class AdminChannel {
  readonly #wire: AmqpWire
  #channel: AmqpChannel | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(wire: AmqpWire) {
    this.#wire = wire
  }

  /** Rejects with what `act` rejects with, or with `AmqpError`. */
  run<T>(act: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => act(await this.#open()))
    this.#last = mine.catch(() => {})
    return mine
  }

  async #open(): Promise<AmqpChannel> {
    if (this.#channel?.open !== true) this.#channel = await this.#wire.channel()
    return this.#channel
  }
}
