import type { Exchange, ExchangeType, Queue } from '../brokers/broker.js'
import { ConfigError } from '../lib/errors.js'
import { suggest } from '../lib/suggest.js'
import { type QueueName, queueName } from '../protocol/ids.js'
import { camelCase } from './camel-case.js'
import type { NamedQueueDeclaration, QueueDeclaration, TaskQueues } from './queue-declaration.js'
import type { Settings } from './settings.js'

type QueueType = 'classic' | 'quorum'

/**
 * The queues an app knows: the declared ones, and those made on demand because somebody named them.
 * Source of the rules: celery/app/amqp.py:Queues.
 */
export class Queues {
  readonly #settings: Settings
  readonly #known = new Map<string, Queue>()
  readonly #declared: readonly Queue[]

  /** Throws `ConfigError` (`LVG_BAD_QUEUE`) naming the declaration that makes no sense. */
  constructor(settings: Settings) {
    this.#settings = settings
    for (const declaration of declarations(settings.taskQueues)) this.#add(declaration, settings.taskQueueMaxPriority)
    if (this.#known.size === 0) this.#addDefault()
    this.#declared = [...this.#known.values()]
  }

  /** In the order of declaration; what a worker without a list of its own consumes. */
  get declared(): readonly Queue[] {
    return this.#declared
  }

  get(name: string): Queue | undefined {
    return this.#known.get(name)
  }

  /** The queue of that name; made when it is missing and `taskCreateMissingQueues` is on, else `LVG_QUEUE_NOT_FOUND`. */
  resolve(name: string): Queue {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    if (!this.#settings.taskCreateMissingQueues) throw this.#notFound(name)
    return this.#addMissing(name)
  }

  /**
   * Adds a queue at run time, of the type that missing ones are made of, or returns the known one of that name. Throws
   * `LVG_BAD_QUEUE`.
   */
  declare(declaration: NamedQueueDeclaration): Queue {
    const { taskCreateMissingQueueType, taskQueueMaxPriority } = this.#settings
    const queueArguments = { ...typeArguments(taskCreateMissingQueueType), ...declaration.queueArguments }
    const typed = Object.keys(queueArguments).length === 0 ? declaration : { ...declaration, queueArguments }
    return this.#known.get(declaration.name) ?? this.#add(typed, taskQueueMaxPriority)
  }

  /** What a worker consumes: the named queues (default: `workerQueues`, else all declared), without the excluded ones. */
  consumed(
    names?: readonly string[],
    excluded: readonly string[] = this.#settings.workerExcludeQueues,
  ): readonly Queue[] {
    const wanted = names ?? this.#settings.workerQueues
    const queues = wanted === undefined ? this.#declared : wanted.map(name => this.resolve(name))
    return queues.filter(queue => !excluded.includes(queue.name))
  }

  #add(declaration: NamedQueueDeclaration, maxPriority: number | undefined): Queue {
    const { name, exchangeType, durable, autoDelete, exclusive, queueArguments } = declaration
    const { taskDefaultExchange, taskDefaultExchangeType, taskDefaultRoutingKey, taskDefaultQueue } = this.#settings
    const queue = build({
      name,
      exchange: declaration.exchange ?? taskDefaultExchange ?? taskDefaultQueue,
      exchangeType: exchangeType ?? taskDefaultExchangeType,
      routingKey: declaration.routingKey ?? taskDefaultRoutingKey ?? taskDefaultQueue,
      maxPriority: declaration.maxPriority ?? maxPriority,
      durable,
      autoDelete,
      exclusive,
      queueArguments,
    })
    if (this.#known.has(name)) throw badQueue(name, 'is declared twice')
    this.#known.set(name, queue)
    return queue
  }

  #addDefault(): void {
    const { taskDefaultQueue, taskDefaultQueueType, taskQueueMaxPriority } = this.#settings
    this.#add({ name: taskDefaultQueue, queueArguments: typeArguments(taskDefaultQueueType) }, taskQueueMaxPriority)
  }

  #addMissing(name: string): Queue {
    const { taskCreateMissingQueueExchangeType, taskCreateMissingQueueType, taskQueueMaxPriority } = this.#settings
    const queue = build({
      name,
      exchange: name,
      exchangeType: taskCreateMissingQueueExchangeType ?? 'direct',
      routingKey: name,
      maxPriority: taskQueueMaxPriority,
      queueArguments: typeArguments(taskCreateMissingQueueType),
    })
    this.#known.set(name, queue)
    return queue
  }

  #notFound(name: string): ConfigError {
    const near = suggest(name, this.#known.keys())
    const hint = near === undefined ? '' : ` Did you mean \`${near}\`?`
    return new ConfigError(
      'LVG_QUEUE_NOT_FOUND',
      `Queue \`${name}\` is not in \`taskQueues\` and \`taskCreateMissingQueues\` is off.${hint}`,
    )
  }
}

interface Complete extends QueueDeclaration {
  readonly name: string
  readonly exchange: string
  readonly exchangeType: ExchangeType
  readonly routingKey: string
}

function build(from: Complete): Queue {
  return {
    name: checkedName(from.name),
    ...(from.exchange === '' ? {} : { exchange: exchangeOf(from), routingKey: from.routingKey }),
    ...(from.durable === undefined ? {} : { durable: from.durable }),
    ...(from.autoDelete === undefined ? {} : { autoDelete: from.autoDelete }),
    ...(from.exclusive === undefined ? {} : { exclusive: from.exclusive }),
    ...(from.maxPriority === undefined ? {} : { maxPriority: from.maxPriority }),
    ...(from.queueArguments === undefined ? {} : { arguments: from.queueArguments }),
  }
}

function exchangeOf(from: Complete): Exchange {
  return { name: from.exchange, type: from.exchangeType }
}

function typeArguments(type: QueueType): Readonly<Record<string, unknown>> | undefined {
  return type === 'quorum' ? { 'x-queue-type': 'quorum' } : undefined
}

/** Keys of a declaration and what they must be. Celery spells the arguments `queue_arguments`. */
const KEYS: Readonly<Record<keyof NamedQueueDeclaration, 'string' | 'boolean' | 'number' | 'object'>> = {
  name: 'string',
  exchange: 'string',
  exchangeType: 'string',
  routingKey: 'string',
  maxPriority: 'number',
  durable: 'boolean',
  autoDelete: 'boolean',
  exclusive: 'boolean',
  queueArguments: 'object',
}
const EXCHANGE_TYPES: readonly unknown[] = ['direct', 'topic', 'fanout']

function declarations(given: TaskQueues | undefined): readonly NamedQueueDeclaration[] {
  if (given === undefined) return []
  if (Array.isArray(given)) {
    return (given as readonly unknown[]).map((item, i) =>
      typeof item === 'string' ? { name: item } : declaration(item, `taskQueues[${i}]`),
    )
  }
  return Object.entries(given).map(([name, item]) => ({ ...declaration(item, `taskQueues.${name}`), name }))
}

function declaration(item: unknown, path: string): NamedQueueDeclaration {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) throw badQueue(path, 'must be an object')
  const found: Record<string, unknown> = {}
  for (const [written, value] of Object.entries(item)) {
    const key = camelCase(written)
    const type = Object.hasOwn(KEYS, key) ? KEYS[key as keyof NamedQueueDeclaration] : undefined
    if (type === undefined) {
      const near = suggest(written, Object.keys(KEYS))
      throw badQueue(path, `has no option \`${written}\`${near === undefined ? '' : `; did you mean \`${near}\`?`}`)
    }
    if (value === null || value === undefined) continue
    if (typeof value !== type) throw badQueue(`${path}.${written}`, `must be of type ${type}`)
    if (key === 'exchangeType' && !EXCHANGE_TYPES.includes(value)) {
      throw badQueue(`${path}.${written}`, `must be one of ${EXCHANGE_TYPES.join(', ')}`)
    }
    found[key] = value
  }
  if (path.endsWith(']') && found['name'] === undefined) throw badQueue(path, 'needs a `name`')
  // Each key has been checked against KEYS above.
  return found as unknown as NamedQueueDeclaration
}

function checkedName(name: string): QueueName {
  try {
    return queueName(name)
  } catch (error) {
    throw badQueue(name, error instanceof Error ? error.message : String(error))
  }
}

function badQueue(where: string, what: string): ConfigError {
  return new ConfigError('LVG_BAD_QUEUE', `Queue \`${where}\` ${what}.`)
}
