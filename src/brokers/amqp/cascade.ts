import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'

/*
 * Delays by a cascade of queues, one for each power of two seconds: a message passes the levels whose bit is set in its
 * delay, each by waiting out the queue's TTL and being dead-lettered to the level below. Its routing key is the delay, 28
 * bits, one word each, and then whatever the last exchange routes by.
 *
 * Two cascades are made this way: Celery's (native-delay.ts), whose names and arguments peers must find bit for bit, and
 * ours for parking (parking.ts). Source of the former: kombu/transport/native_delayed_delivery.py.
 */

export interface Cascade {
  /** Of the exchange and of the queue of a level. */
  name(level: number): string
  /** The exchange where delays end. */
  readonly out: string
  readonly queueType: 'classic' | 'quorum'
}

export const LEVELS = 28
/** Longest delay in seconds: eight and a half years. */
export const LONGEST: number = 2 ** LEVELS - 1

/** Levels from the lowest up to `highest`, the exchange they end in, and how they hang together. Idempotent. */
export async function declareCascade(
  channel: AmqpChannel,
  cascade: Cascade,
  from: number,
  highest: number,
): Promise<void> {
  const { out } = cascade
  if (from === 0) await channel.declareExchange(out, 'topic', true, false)
  for (let level = from; level <= highest; level++) {
    const name = cascade.name(level)
    await channel.declareExchange(name, 'topic', true, false)
    await channel.declareQueue(name, {
      durable: true,
      autoDelete: false,
      exclusive: false,
      arguments: levelArguments(cascade, level),
    })
    await channel.bindQueue(name, name, `${'*.'.repeat(LEVELS - 1 - level)}1.#`)
    await channel.bindExchange(
      level === 0 ? out : cascade.name(level - 1),
      name,
      `${'*.'.repeat(LEVELS - 1 - level)}0.#`,
    )
  }
}

function levelArguments(cascade: Cascade, level: number): Readonly<Record<string, unknown>> {
  return {
    'x-queue-type': cascade.queueType,
    'x-overflow': 'reject-publish',
    'x-message-ttl': 2 ** level * 1000,
    'x-dead-letter-exchange': level === 0 ? cascade.out : cascade.name(level - 1),
    ...(cascade.queueType === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once' } : {}),
  }
}

/** The level a delay enters at: that of its highest bit. */
export function levelOf(seconds: number): number {
  return 31 - Math.clz32(seconds)
}

/** `5` → `0.0. … .1.0.1`, 28 words. */
export function delayKey(seconds: number): string {
  return seconds.toString(2).padStart(LEVELS, '0').split('').join('.')
}

/** What followed the 28 bits, or the key itself when there are none. */
export function withoutDelay(routingKey: string): string {
  return BITS.test(routingKey) ? routingKey.slice(2 * LEVELS) : routingKey
}

const BITS = /^([01]\.){28}/
