import type { App } from '../app/app.js'
import { openBroker } from '../app/transports.js'
import type { Broker } from '../brokers/broker.js'
import { ConfigError } from '../lib/errors.js'
import { maskUrl } from '../lib/mask-url.js'

/** Stores of results that keep limits, too, by the scheme of their URL; what stands before it goes. */
const STORES: Readonly<Record<string, string>> = {
  'db+postgres': 'db+',
  'db+postgresql': 'db+',
  'db+sqlite': 'db+',
  redis: '',
  'redis+socket': '',
  rediss: '',
  sentinel: '',
  valkey: '',
  valkeys: '',
}

/**
 * The store for limits over the cluster, where the broker keeps none: setting `limitStoreUrl`, otherwise that of the results.
 * Undefined = the broker itself, or no task has such limits. Throws `ConfigError` `LVG_LIMIT_STORE`.
 */
export async function openLimitStore(app: App, broker: Broker): Promise<Broker | undefined> {
  const { limitStoreUrl } = app.settings
  const limited = [...app.tasks.keys()].find(task => hasClusterLimits(app, task))
  if (limited === undefined || (limitStoreUrl === undefined && broker.features.limits === true)) return undefined
  const url = limitStoreUrl ?? storeOfResults(app.settings.resultBackend)
  if (url === undefined) {
    throw new ConfigError(
      'LVG_LIMIT_STORE',
      `Task ${limited} has limits over the cluster, and neither the broker at ${broker.url} nor the result backend can keep them. Set \`limitStoreUrl\` to a redis://, postgres:// or sqlite:// URL that all workers reach.`,
    )
  }
  const store = await openBroker(url, app)
  if (store.features.limits === true) return store
  await store[Symbol.asyncDispose]()
  throw new ConfigError(
    'LVG_LIMIT_STORE',
    `\`limitStoreUrl\` is ${maskUrl(url)}, which keeps no limits. Set it to a redis://, postgres:// or sqlite:// URL that all workers reach.`,
  )
}

function hasClusterLimits(app: App, task: string): boolean {
  const { limits } = app.policy(task)
  return limits?.concurrent !== undefined || limits?.counted?.scope === 'cluster'
}

function storeOfResults(url: string | undefined): string | undefined {
  const prefix = STORES[url?.slice(0, url.indexOf(':')).toLowerCase() ?? '']
  return prefix === undefined ? undefined : url?.slice(prefix.length)
}
