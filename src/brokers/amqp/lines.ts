import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import type { Log } from '../../lib/runtime.js'

export interface LinesParts {
  /** It is there already. */
  readonly first: AmqpWire
  readonly log: Log
  /** The URL, as people may see it. */
  readonly url: string
  /** A second line under the same name. */
  open(): Promise<AmqpWire>
  /** RabbitMQ takes no messages over the line for publishing, or takes them again (undefined). */
  alarm(reason: string | undefined): void
  /** One of them has ended. */
  ended(error: AmqpError | undefined): void
}

/**
 * The lines of one connection: one for consuming, acknowledging and asking, and a second one for publishing as soon as both are
 * done, because RabbitMQ stops reading from whoever publishes while it has an alarm, acks included (F30).
 */
export class Lines {
  readonly first: AmqpWire
  readonly #parts: LinesParts
  #publishing: Promise<AmqpWire> | undefined
  #consumed = false
  #closed = false

  constructor(parts: LinesParts) {
    this.first = parts.first
    this.#parts = parts
    this.#heed(parts.first)
  }

  /** Something is consumed: where nothing was published yet, that has a line of its own from now on. */
  consumed(): void {
    this.#consumed = true
  }

  /** The line for publishing. */
  publishing(): Promise<AmqpWire> {
    this.#publishing ??= this.#consumed ? this.#second() : Promise.resolve(this.first)
    return this.#publishing
  }

  async close(): Promise<void> {
    this.#closed = true
    const publishing = await this.#publishing?.catch(() => undefined)
    await Promise.all([this.first.close(), publishing?.close()])
  }

  async #second(): Promise<AmqpWire> {
    try {
      const wire = await this.#parts.open()
      this.#heed(wire)
      if (this.#closed) void wire.close()
      return wire
    } catch (error) {
      this.#publishing = undefined
      throw error
    }
  }

  #heed(wire: AmqpWire): void {
    wire.onBlocked(reason => this.#blocked(wire, reason))
    void wire.closed.then(error => this.#parts.ended(error))
  }

  #blocked(wire: AmqpWire, reason: string | undefined): void {
    this.#publishing?.then(
      publishing => publishing === wire && this.#parts.alarm(reason),
      // Whoever publishes is told that there is none.
      () => undefined,
    )
    if (reason !== undefined) this.#parts.log.warning(`RabbitMQ at ${this.#parts.url} takes no messages: ${reason}`)
  }
}
