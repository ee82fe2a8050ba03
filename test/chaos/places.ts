import type { SettingsInput } from '../../src/app/settings.js'
import type { ChaosClusterOptions } from '../../src/testing/chaos/chaos-cluster.js'
import { ChaosProxy } from '../../src/testing/chaos/chaos-proxy.js'
import type { ChaosServer, ShakeOptions } from '../../src/testing/chaos/shake.js'
import { needsCluster, PostgresCluster } from '../support/services/postgres-cluster.js'
import { needsRabbitMqNode, RabbitMqNode } from '../support/services/rabbitmq-node.js'
import { privateRedis, redisServerMissing } from '../support/services/redis.js'

/** Brokers that runs can take place on; all but SQLite with a private server that may be killed. */
export type PlaceName = 'sqlite' | 'redis' | 'postgres' | 'rabbitmq' | 'rabbitmq-quorum'

export const PLACES: readonly PlaceName[] = ['sqlite', 'redis', 'postgres', 'rabbitmq', 'rabbitmq-quorum']

/** Those behind a network. */
export const SERVERS: readonly PlaceName[] = ['redis', 'postgres', 'rabbitmq', 'rabbitmq-quorum']

/** What `shake` and `ChaosCluster` have to know of a place. */
export interface Place extends AsyncDisposable {
  readonly name: string
  /** Past the proxy. */
  readonly brokerUrl: string | undefined
  readonly resultBackend: string | undefined
  readonly proxy: ChaosProxy | undefined
  readonly server: ChaosServer | undefined
  readonly promises: NonNullable<ShakeOptions['promises']>
  readonly settings: SettingsInput
}

/** Options of a test on that place: skips by name where its server is not installed. */
export function needs(name: PlaceName): { readonly skip?: string } {
  const redis = redisServerMissing()
  switch (name) {
    case 'sqlite':
      return {}
    case 'redis':
      return redis === undefined ? {} : { skip: redis }
    case 'postgres':
      return needsCluster
    case 'rabbitmq':
    case 'rabbitmq-quorum':
      return needsRabbitMqNode
    default:
      return name satisfies never
  }
}

/** AMQP answers no acks, and knows no publish ids. */
const AMQP = { ackTravel: 2000, publishDedupe: false } as const

export async function openPlace(name: PlaceName): Promise<Place> {
  switch (name) {
    case 'sqlite':
      return place({ name })
    case 'redis': {
      const redis = await privateRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
      const server = {
        stop: (how: 'crash' | 'clean') => redis.kill(how === 'crash' ? 'SIGKILL' : 'SIGTERM'),
        start: () => redis.start(),
      }
      return place({ name, brokerUrl: `${redis.url}/0`, server, end: redis })
    }
    case 'postgres': {
      const cluster = await PostgresCluster.start()
      const server = {
        stop: (how: 'crash' | 'clean') => cluster.stop(how === 'crash' ? 'immediate' : 'fast'),
        start: () => cluster.start(),
      }
      return place({ name, brokerUrl: cluster.url(), server, end: cluster })
    }
    case 'rabbitmq':
    case 'rabbitmq-quorum': {
      const node = await RabbitMqNode.start()
      const settings: SettingsInput = name === 'rabbitmq' ? {} : { taskDefaultQueueType: 'quorum' }
      return place({ name, brokerUrl: node.url, server: node, end: node, promises: AMQP, settings })
    }
    default:
      return name satisfies never
  }
}

/** A place that is there already, by the broker's URL. */
export async function placeAt(brokerUrl: string, resultBackend: string | undefined): Promise<Place> {
  const promises = /^(py)?amqp/.test(brokerUrl) ? AMQP : {}
  return place({ name: new URL(brokerUrl).protocol, brokerUrl, resultBackend, promises })
}

/** Options for a cluster on it, whose processes go through its proxy. */
export function clusterOn(place: Place, options: ChaosClusterOptions = {}): ChaosClusterOptions {
  const { brokerUrl, resultBackend, proxy, settings } = place
  return {
    ...(brokerUrl === undefined ? {} : { brokerUrl }),
    ...(resultBackend === undefined ? {} : { resultBackend }),
    ...(proxy === undefined ? {} : { through: { brokerUrl: proxy.url } }),
    ...options,
    settings: { ...settings, ...options.settings },
  }
}

interface Parts {
  readonly name: string
  readonly brokerUrl?: string
  readonly resultBackend?: string | undefined
  readonly server?: ChaosServer
  readonly end?: AsyncDisposable
  readonly promises?: Place['promises']
  readonly settings?: SettingsInput
}

async function place(parts: Parts): Promise<Place> {
  const { name, brokerUrl, resultBackend, server, end, promises = {}, settings = {} } = parts
  const isFile = brokerUrl === undefined || brokerUrl.startsWith('sqlite:')
  const proxy = isFile ? undefined : await ChaosProxy.before(brokerUrl)
  return {
    name,
    brokerUrl,
    resultBackend,
    proxy,
    server,
    promises,
    settings,
    async [Symbol.asyncDispose]() {
      await proxy?.[Symbol.asyncDispose]()
      await end?.[Symbol.asyncDispose]()
    },
  }
}
