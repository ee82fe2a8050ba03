import type * as amqplib from 'amqplib'
import { loadPeer } from './install.js'

/** The bare client of the rows against RabbitMQ. */
export function loadAmqplib(): typeof amqplib {
  return loadPeer('amqplib') as typeof amqplib
}
