import type { Address, Queue } from '../brokers/broker.js'
import { ConfigError } from '../lib/errors.js'
import { globMatches } from '../lib/glob.js'
import type { Kwargs } from '../protocol/signature.js'
import { camelCase } from './camel-case.js'
import type { Queues } from './queues.js'
import type { RouteAnswer, RouteFunction, RouteObject, RouteOptions, TaskRoutes } from './route.js'
import type { Settings } from './settings.js'

/** Where a message goes. */
export interface Destination {
  readonly to: Address
  /** To be declared before publishing; undefined when only an exchange was named. */
  readonly queue: Queue | undefined
  /** The call's options with the route's under them. */
  readonly options: RouteOptions
}

type Lookup = (name: string, args: readonly unknown[], kwargs: Kwargs, options: RouteOptions) => RouteAnswer

/**
 * Decides where a task goes: the first rule that answers (exact name before patterns, patterns in order), under the
 * call's own options; else the default queue. Source: celery/app/routes.py, celery/app/amqp.py:_create_task_sender.
 */
export class Router {
  readonly #settings: Settings
  readonly #queues: Queues
  readonly #lookups: readonly Lookup[]

  /** Throws `ConfigError` (`LVG_BAD_ROUTE`). */
  constructor(settings: Settings, queues: Queues) {
    this.#settings = settings
    this.#queues = queues
    this.#lookups = compile(settings.taskRoutes)
  }

  /**
   * `options`: the call's, null and undefined ones ignored. `own`: the task's own, weaker than any rule; where they say
   * to send is taken whole or not at all. Throws `LVG_QUEUE_NOT_FOUND`, `LVG_BAD_ROUTE`.
   */
  route(
    name: string,
    args: readonly unknown[],
    kwargs: Kwargs,
    options: RouteOptions,
    own?: RouteOptions,
  ): Destination {
    // Celery looks the call's queue up before it asks the rules, so a name that does not exist is an error either way.
    if (options.queue != null) this.#queues.resolve(options.queue)
    const route = this.#lookups.length === 0 ? undefined : this.#lookup(name, args, kwargs, options)
    return this.#destination(this.#merge(route, options, own))
  }

  #lookup(name: string, args: readonly unknown[], kwargs: Kwargs, options: RouteOptions): RouteOptions | undefined {
    for (const lookup of this.#lookups) {
      const answer = lookup(name, args, kwargs, options)
      if (answer === null || answer === undefined) continue
      const route = asOptions(answer, name)
      // The first answer counts; an empty one means the default.
      return Object.keys(route).length === 0 ? undefined : route
    }
    return undefined
  }

  #merge(route: RouteOptions | undefined, options: RouteOptions, own: RouteOptions | undefined): RouteOptions {
    if (own === undefined) return route === undefined ? options : under(route, options)
    const strong = route === undefined ? options : under(route, options)
    if (strong.queue == null && strong.exchange == null) return under(own, strong)
    const { queue, exchange, exchangeType, routingKey, ...rest } = own
    return under(rest, strong)
  }

  #destination(options: RouteOptions): Destination {
    const { exchange, routingKey } = options
    const named = options.queue ?? (exchange == null ? this.#settings.taskDefaultQueue : undefined)
    const queue = named === undefined ? undefined : this.#queues.resolve(named)
    const type = options.exchangeType ?? queue?.exchange?.type ?? 'direct'
    if (queue === undefined) {
      return { to: { exchange: exchange ?? '', routingKey: routingKey ?? this.#defaultKey() }, queue, options }
    }
    if ((!exchange || !routingKey) && type === 'direct') {
      return { to: { exchange: '', routingKey: queue.name }, queue, options }
    }
    return {
      to: {
        exchange: exchange ?? queue.exchange?.name ?? this.#settings.taskDefaultExchange ?? '',
        routingKey: routingKey ?? queue.routingKey ?? this.#defaultKey(),
      },
      queue,
      options,
    }
  }

  #defaultKey(): string {
    return this.#settings.taskDefaultRoutingKey ?? this.#settings.taskDefaultQueue
  }
}

/** `route` under `options`: what is set in `options` wins. Source: celery/utils/functional.py:lpmerge. */
function under(route: RouteOptions, options: RouteOptions): RouteOptions {
  const merged: Record<string, unknown> = { ...route }
  for (const [key, value] of Object.entries(options)) if (value !== null && value !== undefined) merged[key] = value
  return merged
}

function asOptions(answer: string | RouteOptions, where: string): RouteOptions {
  if (typeof answer === 'string') return { queue: answer }
  if (typeof answer !== 'object' || Array.isArray(answer)) {
    throw badRoute(where, "must be a queue's name or an object of options")
  }
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => {
      const name = camelCase(key)
      if (name === 'queue' && typeof value !== 'string')
        throw badRoute(where, "has a `queue` that is not a queue's name")
      return [name, value]
    }),
  )
}

function compile(routes: TaskRoutes | undefined): readonly Lookup[] {
  if (routes === undefined) return []
  if (Array.isArray(routes)) return routes.map((rule: unknown, i) => compileRule(rule, `taskRoutes[${i}]`))
  return [compileRule(routes, 'taskRoutes')]
}

function compileRule(rule: unknown, path: string): Lookup {
  if (typeof rule === 'function') return rule as RouteFunction
  if (isRouteObject(rule)) return (name, args, kwargs) => rule.routeForTask(name, args, kwargs)
  if (Array.isArray(rule))
    return compileEntries(
      rule.map((pair, i) => asPair(pair, `${path}[${i}]`)),
      path,
    )
  if (typeof rule === 'object' && rule !== null) return compileEntries(Object.entries(rule), path)
  throw badRoute(path, 'must be a map, a list of [pattern, route] pairs, a function, or an object with `routeForTask`')
}

function isRouteObject(rule: unknown): rule is RouteObject {
  return typeof rule === 'object' && rule !== null && typeof (rule as Partial<RouteObject>).routeForTask === 'function'
}

function asPair(pair: unknown, path: string): readonly [string | RegExp, unknown] {
  const [pattern, route] = Array.isArray(pair) && pair.length === 2 ? (pair as unknown[]) : []
  if (typeof pattern === 'string' || pattern instanceof RegExp) return [pattern, route]
  throw badRoute(
    path,
    'must be a [pattern, route] pair; a single pair stands in a list of its own: [[["a.*", "queue"]]]',
  )
}

function compileEntries(entries: readonly (readonly [string | RegExp, unknown])[], path: string): Lookup {
  const exact = new Map<string, RouteOptions>()
  const patterns: { readonly matches: (name: string) => boolean; readonly route: RouteOptions }[] = []
  for (const [pattern, value] of entries) {
    const where = `${path}[${String(pattern)}]`
    if (value === null || value === undefined) throw badRoute(where, "must be a queue's name or an object of options")
    const route = asOptions(value as string | RouteOptions, where)
    if (pattern instanceof RegExp) patterns.push({ matches: fromStart(pattern), route })
    else if (pattern.includes('*')) patterns.push({ matches: name => globMatches(pattern, name), route })
    else exact.set(pattern, route)
  }
  return name => exact.get(name) ?? patterns.find(({ matches }) => matches(name))?.route
}

/** Python's `re.match`: at the start of the name, not necessarily to its end. */
function fromStart(pattern: RegExp): (name: string) => boolean {
  const sticky = new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, '')}y`)
  return name => {
    sticky.lastIndex = 0
    return sticky.test(name)
  }
}

function badRoute(where: string, what: string): ConfigError {
  return new ConfigError('LVG_BAD_ROUTE', `Route \`${where}\` ${what}.`)
}
