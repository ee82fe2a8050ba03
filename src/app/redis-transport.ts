import type { RedisBackendOptions } from '../backends/redis/redis-backend.js'
import type { RedisBrokerOptions } from '../brokers/redis/redis-broker.js'
import type { RedisAddress } from '../drivers/redis/redis-address.js'
import { ConfigError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Codec } from '../protocol/codec.js'
import type { Limits } from '../protocol/limits.js'
import { camelCase } from './camel-case.js'
import type { Settings } from './settings.js'

/** Leaves whoever waits for the connection time to hear why there is none. */
const CONNECT_SHARE = 0.9

/** What a Redis broker is made of, from its URL and the settings. Throws `ConfigError`. */
export async function redisBrokerOptions(
  url: string,
  { runtime, settings }: { readonly runtime: Runtime; readonly settings: Settings },
): Promise<RedisBrokerOptions> {
  const { redisAddress } = await import('../drivers/redis/redis-url.js')
  const options = new TransportOptions('brokerTransportOptions', settings.brokerTransportOptions)
  const timeout = settings.brokerConnectionTimeout
  const address: RedisAddress = redisAddress(url, {
    options: settings.brokerTransportOptions,
    tls: settings.brokerUseSsl,
    ...(timeout !== undefined && { connectTimeoutMs: timeout * CONNECT_SHARE }),
  })
  const wait = settings.redisWait === undefined ? undefined : new TransportOptions('redisWait', settings.redisWait)
  return {
    address,
    runtime,
    leaseMs: settings.leaseTime,
    renewMs: settings.leaseRenewInterval,
    visibilityMs: (options.number('visibilityTimeout') ?? 3600) * 1000,
    delays: options.flag('delays') ?? false,
    replicas:
      wait === undefined
        ? undefined
        : { count: wait.number('replicas') ?? 1, timeoutMs: wait.number('timeoutMs') ?? REPLICAS_MS },
    keys: {
      ...options.given('prefix', options.text('globalKeyprefix')),
      ...options.given('sep', options.text('sep')),
      ...options.given('steps', options.numbers('prioritySteps')),
      ...options.given('unacked', options.text('unackedKey')),
      ...options.given('unackedIndex', options.text('unackedIndexKey')),
      ...options.given('fanoutPrefix', fanoutPrefix(options.raw('fanoutPrefix'), address.db)),
      ...options.given('fanoutPatterns', options.flag('fanoutPatterns')),
    },
  }
}

const REPLICAS_MS: Ms = 1000

interface RedisBackendParts {
  readonly runtime: Runtime
  readonly settings: Settings
  readonly codec: Codec
  readonly limits: Limits
}

/** What a Redis result backend is made of, from its URL and the settings. Throws `ConfigError`. */
export async function redisBackendOptions(
  url: string,
  { runtime, settings, codec, limits }: RedisBackendParts,
): Promise<RedisBackendOptions> {
  const { redisAddress } = await import('../drivers/redis/redis-url.js')
  const options = new TransportOptions('resultBackendTransportOptions', settings.resultBackendTransportOptions)
  const { redisSocketConnectTimeout, redisSocketTimeout, redisBackendHealthCheckInterval } = settings
  const address: RedisAddress = redisAddress(url, {
    host: settings.redisHost ?? null,
    port: settings.redisPort ?? null,
    db: settings.redisDb ?? null,
    username: settings.redisUsername ?? null,
    password: settings.redisPassword ?? null,
    clientName: settings.redisClientName ?? null,
    keepAlive: settings.redisSocketKeepalive,
    options: settings.resultBackendTransportOptions,
    tls: settings.redisBackendUseSsl ?? null,
    ...(redisSocketTimeout !== undefined && { answerTimeoutMs: redisSocketTimeout }),
    ...(redisSocketConnectTimeout !== undefined && { connectTimeoutMs: redisSocketConnectTimeout }),
  })
  const chordOrdered = options.flag('resultChordOrdered')
  return {
    address,
    runtime,
    codec,
    limits,
    serializer: settings.resultSerializer,
    prefix: options.text('globalKeyprefix') ?? '',
    ...(chordOrdered !== undefined && { chordOrdered }),
    ...(redisBackendHealthCheckInterval !== undefined && { healthCheckMs: redisBackendHealthCheckInterval }),
  }
}

/** Source: kombu/transport/redis.py `Channel.__init__`: true is `/{db}.`, a text its own template. */
function fanoutPrefix(value: unknown, db: number): string | undefined {
  if (value === undefined || value === null || value === true) return undefined
  return typeof value === 'string' ? value.replaceAll('{db}', String(db)) : ''
}

/** Options of a transport, in Celery's names or camelCased. What is not asked for is left alone. */
export class TransportOptions {
  readonly #setting: string
  readonly #values: ReadonlyMap<string, unknown>

  constructor(setting: string, values: Readonly<Record<string, unknown>>) {
    this.#setting = setting
    this.#values = new Map(Object.entries(values).map(([name, value]) => [camelCase(name), value ?? undefined]))
  }

  raw(name: string): unknown {
    return this.#values.get(name)
  }

  given<Name extends string, T>(name: Name, value: T | undefined): Partial<Record<Name, T>> {
    return value === undefined ? {} : ({ [name]: value } as Record<Name, T>)
  }

  text(name: string): string | undefined {
    return this.#checked(name, 'text', (value): value is string => typeof value === 'string')
  }

  number(name: string): number | undefined {
    const isNumber = (value: unknown): value is number => typeof value === 'number' && value > 0
    return this.#checked(name, 'a number above 0', isNumber)
  }

  flag(name: string): boolean | undefined {
    return this.#checked(name, 'true or false', (value): value is boolean => typeof value === 'boolean')
  }

  numbers(name: string): readonly number[] | undefined {
    const isList = (value: unknown): value is readonly number[] =>
      Array.isArray(value) && value.length > 0 && value.every(item => Number.isInteger(item) && item >= 0)
    return this.#checked(name, 'a list of whole numbers', isList)?.toSorted((a, b) => a - b)
  }

  #checked<T>(name: string, expected: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (is(value)) return value
    throw new ConfigError('LVG_BAD_SETTING', `The option ${name} of ${this.#setting} must be ${expected}.`)
  }
}
