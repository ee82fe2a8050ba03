import type * as amqplib from 'amqplib'
import { optionalPackage } from '../../protocol/optional-package.js'

/** The client library of RabbitMQ. Throws `ConfigError` `LVG_MISSING_PACKAGE`. */
export function loadAmqplib(): typeof amqplib {
  return optionalPackage('amqplib', 'RabbitMQ (amqp://)') as typeof amqplib
}
