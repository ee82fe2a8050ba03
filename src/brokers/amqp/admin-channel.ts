import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import type { BrokerError } from '../errors.js'

export interface AdminChannelParts {
  readonly wire: Pick<AmqpWire, 'channel'>
  /** Throws when nothing can be asked any more. */
  demandOpen(doing: string): void
  trouble(doing: string, error: unknown): BrokerError
}

/**
 * For declarations and questions, one after another: an error of one closes the channel, so nothing else may be on it
 * then; the next one opens a new channel.
 */
export class AdminChannel {
  readonly #parts: AdminChannelParts
  #channel: AmqpChannel | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: AdminChannelParts) {
    this.#parts = parts
  }

  /** Rejects with `BrokerError`. `doing`: as in "while declaring". */
  async ask<T>(doing: () => string, act: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    this.#parts.demandOpen(doing())
    try {
      return await this.#inTurn(act)
    } catch (error) {
      throw this.#parts.trouble(doing(), error)
    }
  }

  #inTurn<T>(act: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => act(await this.#open()))
    this.#last = mine.catch(() => {})
    return mine
  }

  async #open(): Promise<AmqpChannel> {
    if (this.#channel?.open !== true) this.#channel = await this.#parts.wire.channel()
    return this.#channel
  }
}
