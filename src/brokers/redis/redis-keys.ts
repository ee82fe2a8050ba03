import type { QueueName } from '../../protocol/ids.js'

export interface RedisKeyOptions {
  /** Before every key and channel: transport option `globalKeyprefix`. */
  readonly prefix: string
  readonly db: number
  /** Between a queue's name and a priority step: transport option `sep`. */
  readonly sep: string
  /** Lowest priority of each list: transport option `prioritySteps`. */
  readonly steps: readonly number[]
  readonly unacked: string
  readonly unackedIndex: string
  /** What stands before an exchange's name in its channel: transport option `fanoutPrefix`. */
  readonly fanoutPrefix: string
  /** Whether routing keys are part of channels: transport option `fanoutPatterns`. */
  readonly fanoutPatterns: boolean
}

/** Two control characters that no name holds. Source: kombu/transport/redis.py `Channel.sep`. */
export const DEFAULT_SEP = '\x06\x16'
/** Source: kombu/transport/redis.py `PRIORITY_STEPS`. */
export const DEFAULT_STEPS: readonly number[] = [0, 3, 6, 9]

const BINDING = '_kombu.binding.'

/**
 * Kombu's names, and ours, which begin with `lovage.`; all with the prefix.
 * Source: kombu/transport/redis.py `Channel._q_for_pri`, `keyprefix_queue`, `_get_publish_topic`, `QoS`.
 */
export class RedisKeys {
  readonly unacked: string
  readonly unackedIndex: string
  /** Token → end of its lease, ms of the server's clock. */
  readonly lease: string
  /** Holder → end of its lease. */
  readonly holders: string
  /** Holder → what it consumes, JSON. */
  readonly consumers: string
  /** The last claim's number. */
  readonly claims: string
  /** Name in `delayedMessages` → due. */
  readonly delayed: string
  /** Side and list, a line end, the message. */
  readonly delayedMessages: string
  /** Publish ids of one minute each. */
  readonly published: string
  /** Stays as long as what the server keeps does: another one means that everything else was lost as well. */
  readonly epoch: string
  /** Queue → `d` when it goes with its last consumer. */
  readonly queues: string
  /** Exchange → type. */
  readonly exchanges: string
  readonly bindingPrefix: string
  readonly #limits: string
  readonly #options: RedisKeyOptions

  constructor(options: RedisKeyOptions) {
    const own = (name: string): string => `${options.prefix}lovage.${name}`
    this.#options = options
    this.unacked = options.prefix + options.unacked
    this.unackedIndex = options.prefix + options.unackedIndex
    this.lease = own('lease')
    this.holders = own('holders')
    this.consumers = own('consumers')
    this.claims = own('claims')
    this.delayed = own('delayed')
    this.delayedMessages = own('delayed.messages')
    this.published = own('published.')
    this.epoch = own('epoch')
    this.queues = own('queues')
    this.exchanges = own('exchanges')
    this.bindingPrefix = options.prefix + BINDING
    this.#limits = own('limit.')
  }

  get steps(): readonly number[] {
    return this.#options.steps
  }

  get sep(): string {
    return this.#options.sep
  }

  list(queue: string, priority: number): string {
    let step = this.#options.steps[0] ?? 0
    for (const candidate of this.#options.steps) if (candidate <= priority) step = candidate
    return this.#listOf(queue, step)
  }

  /** All lists of one queue, in the order in which they are served. */
  lists(queue: string): readonly string[] {
    return this.#options.steps.map(step => this.#listOf(queue, step))
  }

  /** Step by step, in each queue by queue: Kombu's order. */
  listsOf(queues: readonly QueueName[]): readonly string[] {
    return this.#options.steps.flatMap(step => queues.map(queue => this.#listOf(queue, step)))
  }

  /** The queue that a list belongs to. */
  queueOf(list: string): string {
    const name = list.slice(this.#options.prefix.length)
    const at = name.lastIndexOf(this.#options.sep)
    return at < 0 ? name : name.slice(0, at)
  }

  /** What is kept of a limit over the cluster. */
  limit(key: string): string {
    return this.#limits + key
  }

  binding(exchange: string): string {
    return this.bindingPrefix + exchange
  }

  channel(exchange: string, routingKey: string): string {
    const { prefix, fanoutPrefix, fanoutPatterns } = this.#options
    const tail = fanoutPatterns && routingKey !== '' ? `/${routingKey}` : ''
    return `${prefix}${fanoutPrefix}${exchange}${tail}`
  }

  /** What a queue bound so subscribes to. */
  channelPattern(exchange: string, routingKey: string): string {
    return this.channel(exchange, routingKey.replaceAll('#', '*'))
  }

  #listOf(queue: string, step: number): string {
    const { prefix, sep } = this.#options
    return step === 0 ? prefix + queue : `${prefix}${queue}${sep}${step}`
  }
}
