import type { AmqpProperties } from '../../drivers/amqp/amqp-channel.js'
import { asBuffer } from '../../lib/as-buffer.js'
import type { Headers, Message, Properties } from '../../protocol/message.js'
import { fromFieldTable, toFieldTable } from './field-table.js'

/** Throws `RangeError` for what no AMQP header can hold. */
export function toAmqpProperties(message: Message): AmqpProperties {
  // Names are the same; absent and null are the same thing to us, but not to the encoder.
  const { properties, headers } = message
  const table = toFieldTable(headers)
  const found: Record<string, unknown> = { headers: table }
  for (const [name, value] of Object.entries(properties)) if (value !== undefined && value !== null) found[name] = value
  return found as AmqpProperties
}

export function toAmqpBody({ body }: Message): Buffer {
  return Buffer.isBuffer(body) ? body : asBuffer(body)
}

export function fromAmqp(properties: AmqpProperties, body: Uint8Array): Message {
  const { headers } = properties
  return {
    headers: headers === undefined ? NO_HEADERS : fromFieldTable(headers),
    properties: presentProperties(properties),
    body,
  }
}

const NO_HEADERS: Headers = Object.freeze({})

/** Written out because it runs for every message: a loop over names costs several times as much. */
function presentProperties(from: AmqpProperties): Properties {
  const to: { -readonly [name in keyof Properties]: Properties[name] } = {}
  if (from.contentType !== undefined) to.contentType = from.contentType
  if (from.contentEncoding !== undefined) to.contentEncoding = from.contentEncoding
  if (from.correlationId !== undefined) to.correlationId = from.correlationId
  if (from.replyTo !== undefined) to.replyTo = from.replyTo
  if (from.deliveryMode !== undefined) to.deliveryMode = from.deliveryMode
  if (from.priority !== undefined) to.priority = from.priority
  if (from.expiration !== undefined) to.expiration = from.expiration
  if (from.messageId !== undefined) to.messageId = from.messageId
  if (from.timestamp !== undefined) to.timestamp = from.timestamp
  if (from.type !== undefined) to.type = from.type
  if (from.userId !== undefined) to.userId = from.userId
  if (from.appId !== undefined) to.appId = from.appId
  if (from.clusterId !== undefined) to.clusterId = from.clusterId
  return to
}
