import type { NamedQueueDeclaration } from '../../app/queue-declaration.js'
import type { ExchangeType, Queue } from '../../brokers/broker.js'
import { CommandError } from '../../control/command-error.js'
import { ConfigError } from '../../lib/errors.js'
import { consumerArguments, queueOption } from '../../protocol/command-arguments.js'
import { type ConsumedQueue, consumedQueueToDict } from '../../protocol/command-replies.js'
import { type Dict, isDict } from '../../protocol/dict.js'
import type { QueueName } from '../../protocol/ids.js'
import { name, optionalName } from './check.js'
import type { WorkerView } from './worker-view.js'

/** Queues that one worker may be told to consume. */
const MAX_QUEUES = 1000

export function activeQueues(worker: Pick<WorkerView, 'queues'>): unknown {
  return worker.queues.consumed.map(queue => consumedQueueToDict(consumed(queue)))
}

/** Answers before it is done: a broker that does not answer keeps nobody waiting. */
export function addConsumer(worker: Pick<WorkerView, 'queues'>, args: Dict): unknown {
  const { queues } = worker
  const declaration = readDeclaration(args)
  if (queues.consumed.length >= MAX_QUEUES) {
    throw new CommandError('ValueError', `a worker consumes at most ${MAX_QUEUES} queues`)
  }
  let queue: Queue
  try {
    queue = queues.declared(declaration)
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError('ValueError', error.message)
    throw error
  }
  queues.consume(queue)
  return { ok: `add consumer ${declaration.name}` }
}

export function cancelConsumer(worker: Pick<WorkerView, 'queues'>, args: Dict): unknown {
  const queue = name(args['queue'], 'queue')
  worker.queues.cancel(queue as QueueName)
  return { ok: `no longer consuming from ${queue}` }
}

function consumed(queue: Queue): ConsumedQueue {
  const exchange = queue.exchange
  return {
    name: queue.name,
    exchange: {
      name: exchange?.name ?? '',
      type: exchange?.type ?? 'direct',
      durable: exchange?.durable ?? true,
      autoDelete: exchange?.autoDelete ?? false,
    },
    routingKey: queue.routingKey ?? queue.name,
    durable: queue.durable ?? true,
    exclusive: queue.exclusive ?? false,
    autoDelete: queue.autoDelete ?? false,
    queueArguments: queue.arguments,
    maxPriority: queue.maxPriority,
  }
}

type Changing<T> = { -readonly [K in keyof T]: T[K] }

function readDeclaration(args: Dict): NamedQueueDeclaration {
  const { queue, exchange, exchangeType, routingKey, more } = consumerArguments(args)
  const queueName = name(queue, 'queue')
  const declaration: Changing<NamedQueueDeclaration> = {
    name: queueName,
    exchange: optionalName(exchange, 'exchange') ?? queueName,
    exchangeType: readExchangeType(exchangeType),
    routingKey: optionalName(routingKey, 'routing_key') ?? queueName,
  }
  const queueArguments: Record<string, unknown> = {}
  for (const [written, value] of Object.entries(more)) readOption(written, value, declaration, queueArguments)
  if (Object.keys(queueArguments).length > 0) {
    declaration.queueArguments = { ...declaration.queueArguments, ...queueArguments }
  }
  return declaration
}

const EXCHANGE_TYPES: readonly ExchangeType[] = ['direct', 'topic', 'fanout']

function readExchangeType(given: unknown): ExchangeType {
  const wanted = optionalName(given, 'exchange_type') ?? 'direct'
  const found = EXCHANGE_TYPES.find(type => type === wanted)
  if (found !== undefined) return found
  throw new CommandError('ValueError', `exchange_type must be one of ${EXCHANGE_TYPES.join(', ')}`)
}

function readOption(
  written: string,
  value: unknown,
  declaration: Changing<NamedQueueDeclaration>,
  queueArguments: Record<string, unknown>,
): void {
  const option = queueOption(written)
  if (option === undefined) {
    throw new CommandError('TypeError', `add_consumer() got an unexpected keyword argument '${written.slice(0, 80)}'`)
  }
  if (value === null || value === undefined || option.kind === 'ignored') return
  if (option.kind === 'argument') {
    queueArguments[option.name] = option.seconds
      ? Math.round(positive(value, written) * 1000)
      : positive(value, written)
    return
  }
  switch (option.name) {
    case 'durable':
    case 'autoDelete':
    case 'exclusive':
      declaration[option.name] = Boolean(value)
      return
    case 'maxPriority':
      declaration.maxPriority = Math.min(255, Math.trunc(positive(value, written)))
      return
    case 'queueArguments':
      if (!isDict(value)) throw new CommandError('TypeError', `${written} must be an object`)
      declaration.queueArguments = value
      return
    default:
      option satisfies never
  }
}

function positive(value: unknown, argument: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new CommandError('TypeError', `${argument} must be a number, 0 or more`)
}
