import type { Channel, ConsumeMessage, GetMessage, MessageProperties } from 'amqplib'
import { deferred } from '../../lib/deferred.js'
import { AmqpError, asAmqpError } from './amqp-error.js'

/** A delivery as the library hands it on. */
export interface AmqpIncoming {
  readonly fields: {
    readonly deliveryTag: number
    readonly redelivered: boolean
    readonly exchange: string
    readonly routingKey: string
    readonly consumerTag?: string | undefined
  }
  readonly properties: AmqpProperties
  readonly content: Buffer
}

/** AMQP's basic properties; absent ones are undefined. */
export interface AmqpProperties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  readonly deliveryMode?: number | undefined
  readonly priority?: number | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  readonly expiration?: string | undefined
  readonly messageId?: string | undefined
  readonly timestamp?: number | undefined
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly appId?: string | undefined
  readonly clusterId?: string | undefined
}

export interface AmqpReturned {
  readonly fields: { readonly exchange: string; readonly routingKey: string }
  readonly properties: AmqpProperties
  readonly content: Buffer
}

export interface AmqpConfirm {
  readonly deliveryTag: number
  readonly multiple: boolean
}

export interface AmqpQueueOptions {
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly exclusive: boolean
  readonly arguments: Readonly<Record<string, unknown>>
}

/** Whoever listens to a channel. Calls come synchronously, many in a turn; none may throw. */
export interface AmqpListener {
  delivery?(message: AmqpIncoming): void
  /** The server cancelled a consumer: its queue was deleted, or its node failed. */
  cancelled?(consumerTag: string): void
  confirmed?(confirm: AmqpConfirm, accepted: boolean): void
  returned?(message: AmqpReturned): void
}

/**
 * One channel. An error of any operation on it closes it for good, with everything that waits on it; so risky operations
 * (passive declarations) are kept apart from those that must last. Every verb that waits rejects with `AmqpError`.
 */
export class AmqpChannel {
  /** Settles once, never rejects: undefined = we closed it. */
  readonly closed: Promise<AmqpError | undefined>
  readonly #channel: Channel
  readonly #inner: Inner
  readonly #ended = deferred<AmqpError | undefined>()
  #open = true
  #trouble: AmqpError | undefined
  #listener: AmqpListener = {}

  constructor(channel: Channel) {
    this.#channel = channel
    // The two verbs are the library's own, used by its `publish` and `createConfirmChannel`.
    this.#inner = channel as unknown as Inner
    this.closed = this.#ended.promise
    for (const event of ['ack', 'nack', 'delivery', 'cancel']) channel.removeAllListeners(event)
    channel.on('error', error => {
      this.#trouble ??= asAmqpError(error)
    })
    channel.on('close', () => {
      this.#open = false
      this.#ended.resolve(this.#trouble)
    })
    channel.on('delivery', (message: ConsumeMessage) => this.#listener.delivery?.(incoming(message)))
    channel.on('cancel', ({ consumerTag }) => this.#listener.cancelled?.(consumerTag))
    channel.on('ack', confirm => this.#listener.confirmed?.(confirm, true))
    channel.on('nack', confirm => this.#listener.confirmed?.(confirm, false))
    channel.on('return', message => this.#listener.returned?.(message as unknown as AmqpReturned))
  }

  get open(): boolean {
    return this.#open
  }

  listen(listener: AmqpListener): void {
    this.#listener = listener
  }

  async confirms(): Promise<void> {
    await this.#ask(async () => {
      await this.#inner.rpc(CONFIRM_SELECT, { nowait: false }, CONFIRM_SELECT_OK)
    })
  }

  /** Written at once, confirmed or returned later; throws `AmqpError` when the channel is closed, `TypeError` or `RangeError` when it cannot be encoded. */
  publish(exchange: string, routingKey: string, mandatory: boolean, properties: AmqpProperties, body: Buffer): void {
    this.#demandOpen()
    this.#inner.sendMessage({ exchange, routingKey, mandatory, immediate: false, ticket: undefined }, properties, body)
  }

  /** `multiple`: this one and every earlier one. Without effect on a closed channel. */
  ack(deliveryTag: number, multiple: boolean): void {
    if (this.#open) this.#channel.ack(tagged(deliveryTag), multiple)
  }

  /** Back to its queue. */
  requeue(deliveryTag: number): void {
    if (this.#open) this.#channel.reject(tagged(deliveryTag), true)
  }

  prefetch(count: number, global: boolean): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.prefetch(count, global)
    })
  }

  consume(queue: string, consumerTag: string, options: { readonly noAck?: boolean } = {}): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.consume(queue, () => {}, { consumerTag, ...options })
    })
  }

  /** When it resolves nothing more comes from that consumer. */
  cancel(consumerTag: string): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.cancel(consumerTag)
    })
  }

  get(queue: string): Promise<AmqpIncoming | undefined> {
    return this.#ask(async () => {
      const got: GetMessage | false = await this.#channel.get(queue)
      return got === false ? undefined : incoming(got)
    })
  }

  declareExchange(name: string, type: string, durable: boolean, autoDelete: boolean): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.assertExchange(name, type, { durable, autoDelete })
    })
  }

  declareQueue(
    name: string,
    options: AmqpQueueOptions,
  ): Promise<{ readonly messages: number; readonly consumers: number }> {
    return this.#ask(async () => {
      const { messageCount, consumerCount } = await this.#channel.assertQueue(name, options)
      return { messages: messageCount, consumers: consumerCount }
    })
  }

  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.bindQueue(queue, exchange, routingKey)
    })
  }

  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.unbindQueue(queue, exchange, routingKey)
    })
  }

  bindExchange(destination: string, source: string, routingKey: string): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.bindExchange(destination, source, routingKey)
    })
  }

  /** Rejects with reply 404 when there is none. */
  lookAtQueue(name: string): Promise<{ readonly messages: number; readonly consumers: number }> {
    return this.#ask(async () => {
      const { messageCount, consumerCount } = await this.#channel.checkQueue(name)
      return { messages: messageCount, consumers: consumerCount }
    })
  }

  /** Rejects with reply 404 when there is none. */
  lookAtExchange(name: string): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.checkExchange(name)
    })
  }

  /** Ready messages only; the number of them. */
  purge(queue: string): Promise<number> {
    return this.#ask(async () => (await this.#channel.purgeQueue(queue)).messageCount)
  }

  deleteQueue(
    name: string,
    options: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {},
  ): Promise<number> {
    return this.#ask(async () => (await this.#channel.deleteQueue(name, options)).messageCount)
  }

  deleteExchange(name: string, options: { readonly ifUnused?: boolean } = {}): Promise<void> {
    return this.#ask(async () => {
      await this.#channel.deleteExchange(name, options)
    })
  }

  /** What is held on it goes back to its queues. Never rejects. */
  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#channel.close().catch(() => {})
    this.#ended.resolve(undefined)
  }

  /** Whether an error was this operation's own or its neighbour's, the channel's fate says best what happened. */
  async #ask<T>(act: () => Promise<T>): Promise<T> {
    this.#demandOpen()
    try {
      return await act()
    } catch (cause) {
      const error = asAmqpError(cause)
      throw error.reply === undefined && this.#trouble !== undefined ? this.#trouble : error
    }
  }

  #demandOpen(): void {
    if (!this.#open) throw this.#trouble ?? new AmqpError('lost', 'the channel is closed')
  }
}

/** Class 85, methods 10 and 11. */
const CONFIRM_SELECT = 0x55_000a
const CONFIRM_SELECT_OK = 0x55_000b

interface Inner {
  rpc(method: number, fields: object, expect: number): Promise<unknown>
  sendMessage(fields: object, properties: object, body: Buffer): unknown
}

/** The library's types promise more than we use and say `any`; the shape is the same. */
function incoming(message: {
  readonly fields: unknown
  readonly properties: MessageProperties
  readonly content: Buffer
}): AmqpIncoming {
  return message as unknown as AmqpIncoming
}

/** All that the library looks at. */
function tagged(deliveryTag: number): GetMessage {
  return { fields: { deliveryTag } } as unknown as GetMessage
}
