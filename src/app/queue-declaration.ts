import type { ExchangeType } from '../brokers/broker.js'

/** A queue as settings declare it; what is left out follows the `taskDefault…` settings. */
export interface QueueDeclaration {
  readonly exchange?: string | undefined
  readonly exchangeType?: ExchangeType | undefined
  readonly routingKey?: string | undefined
  /** Highest priority; default `taskQueueMaxPriority`. */
  readonly maxPriority?: number | undefined
  readonly durable?: boolean | undefined
  readonly autoDelete?: boolean | undefined
  readonly exclusive?: boolean | undefined
  /** AMQP queue arguments, untouched: `{'x-queue-type': 'quorum'}`. */
  readonly queueArguments?: Readonly<Record<string, unknown>> | undefined
}

export interface NamedQueueDeclaration extends QueueDeclaration {
  readonly name: string
}

/** Setting `taskQueues`: by name, or as a list of names and declarations. */
export type TaskQueues = Readonly<Record<string, QueueDeclaration>> | readonly (string | NamedQueueDeclaration)[]
