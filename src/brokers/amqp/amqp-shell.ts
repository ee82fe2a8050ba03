import type { AmqpChannel, AmqpIncoming } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import { deferred } from '../../lib/deferred.js'
import type { Message } from '../../protocol/message.js'
import { BrokerError } from '../errors.js'
import { unroutable } from '../virtual/trouble.js'
import { fromAmqp, toAmqpBody, toAmqpProperties } from './amqp-message.js'
import { refusedByQueue } from './trouble.js'

/** A message taken by hand, until it is acknowledged or the shell ends. */
export interface TakenMessage {
  readonly tag: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly message: Message
}

export interface QueueFlags {
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
}

/**
 * AMQP's own verbs, for a person at a keyboard: nothing is declared, cached or tried again behind the back. An error closes
 * the channel it happened on; the next verb gets a new one, and messages taken on the old one are back in their queues.
 */
export class AmqpShell implements AsyncDisposable {
  readonly #wire: AmqpWire
  readonly #trouble: (doing: string, cause: unknown) => BrokerError
  #channel: AmqpChannel | undefined

  constructor(wire: AmqpWire, trouble: (doing: string, cause: unknown) => BrokerError) {
    this.#wire = wire
    this.#trouble = trouble
  }

  declareExchange(name: string, type: string, durable: boolean, autoDelete: boolean): Promise<void> {
    return this.#run(`declaring exchange '${name}'`, channel =>
      channel.declareExchange(name, type, durable, autoDelete),
    )
  }

  lookAtExchange(name: string): Promise<void> {
    return this.#run(`looking at exchange '${name}'`, channel => channel.lookAtExchange(name))
  }

  deleteExchange(name: string, ifUnused: boolean): Promise<void> {
    return this.#run(`deleting exchange '${name}'`, channel => channel.deleteExchange(name, { ifUnused }))
  }

  declareQueue(name: string, flags: QueueFlags): Promise<{ readonly messages: number; readonly consumers: number }> {
    return this.#run(`declaring queue '${name}'`, channel => channel.declareQueue(name, { ...flags, arguments: {} }))
  }

  lookAtQueue(name: string): Promise<{ readonly messages: number; readonly consumers: number }> {
    return this.#run(`looking at queue '${name}'`, channel => channel.lookAtQueue(name))
  }

  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#run(`binding queue '${queue}'`, channel => channel.bindQueue(queue, exchange, routingKey))
  }

  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#run(`unbinding queue '${queue}'`, channel => channel.unbindQueue(queue, exchange, routingKey))
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): Promise<number> {
    return this.#run(`deleting queue '${name}'`, channel => channel.deleteQueue(name, { ifUnused, ifEmpty }))
  }

  purge(name: string): Promise<number> {
    return this.#run(`purging queue '${name}'`, channel => channel.purge(name))
  }

  /** Confirmed. Rejects with `UnroutableError` when `mandatory` and no queue takes it. */
  publish(message: Message, exchange: string, routingKey: string, mandatory: boolean): Promise<void> {
    return this.#run(`publishing to exchange '${exchange}'`, async () => {
      const channel = await this.#wire.channel()
      await channel.confirms()
      const answered = deferred()
      let returned = false
      channel.listen({
        returned: () => {
          returned = true
        },
        confirmed: (_confirm, accepted) => {
          if (returned) answered.reject(unroutable({ exchange, routingKey }))
          else if (accepted) answered.resolve()
          else answered.reject(refusedByQueue(routingKey))
        },
      })
      void channel.closed.then(error => answered.reject(error ?? new Error('the channel was closed')))
      channel.publish(exchange, routingKey, mandatory, toAmqpProperties(message), toAmqpBody(message))
      await answered.promise
      await channel.close()
    })
  }

  /** Undefined when the queue is empty. */
  get(queue: string): Promise<TakenMessage | undefined> {
    return this.#run(`getting from queue '${queue}'`, async channel => {
      const incoming = await channel.get(queue)
      return incoming === undefined ? undefined : taken(incoming)
    })
  }

  ack(tag: number): Promise<void> {
    return this.#run(`acknowledging ${tag}`, async channel => {
      channel.ack(tag, false)
      this.#wire.flush()
      // An unknown tag closes the channel; a question behind it tells.
      await channel.prefetch(0, false)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#wire.close()
  }

  async #run<T>(doing: string, act: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    try {
      if (this.#channel?.open !== true) this.#channel = await this.#wire.channel()
      return await act(this.#channel)
    } catch (cause) {
      throw cause instanceof BrokerError ? cause : this.#trouble(doing, cause)
    }
  }
}

function taken({ fields, properties, content }: AmqpIncoming): TakenMessage {
  const { deliveryTag: tag, redelivered, exchange, routingKey } = fields
  return { tag, redelivered, exchange, routingKey, message: fromAmqp(properties, content) }
}
