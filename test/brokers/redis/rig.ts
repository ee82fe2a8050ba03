import type { Connection } from '../../../src/brokers/broker.js'
import { createRedisBroker, type RedisBrokerOptions } from '../../../src/brokers/redis/redis-broker.js'
import { type RedisDefaults, redisAddress } from '../../../src/drivers/redis/redis-url.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { queueName } from '../../../src/protocol/ids.js'

export const QUEUE = queueName('tasks')
export const TO = { exchange: '', routingKey: QUEUE } as const

export interface RigOptions extends Partial<Omit<RedisBrokerOptions, 'address'>> {
  readonly address?: RedisDefaults
  readonly name?: string
}

/** A connection as users have it. */
export async function connect(
  url: string,
  { address = {}, name = 'rig@test', ...options }: RigOptions = {},
): Promise<{ readonly connection: Connection } & AsyncDisposable> {
  const broker = createRedisBroker({ address: redisAddress(url, address), runtime: nodeRuntime(), ...options })
  try {
    const connection = await broker.connect({ name })
    return { connection, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() }
  } catch (error) {
    await broker[Symbol.asyncDispose]()
    throw error
  }
}

let publishes = 0

export function publish(connection: Connection, text: string, publishId?: string): Promise<void> {
  const message = { headers: {}, properties: {}, body: Buffer.from(text) }
  return connection.publish(message, TO, { publishId: publishId ?? `${process.pid}-${++publishes}` })
}

export async function eventually<T>(what: string, look: () => Promise<T | undefined>, deadline = 30_000): Promise<T> {
  const end = performance.now() + deadline
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
