import { asBuffer } from '../lib/as-buffer.js'
import type { EpochMs } from '../lib/time.js'
import { type Dict, isDict } from './dict.js'
import { parseJson, printJson } from './json.js'
import type { Headers, Message, Properties } from './message.js'

/*
 * The JSON in which Kombu's virtual transports, Redis among them, carry a message.
 * Source: kombu/transport/virtual/base.py `Channel.prepare_message`, `_inplace_augment_message`, `Message`;
 * kombu/transport/redis.py `Channel._do_restore_message`.
 *
 * Ours is one member more, `properties.lovage`, which other readers keep and ignore: `at`, when the message was published
 * (epoch ms), and, written when it is put back, `faults` (D40) and `begun`, the token of the last delivery that had begun (brokers/redis/held-value.ts).
 */

export interface Envelope {
  readonly message: Message
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly faults: number
  /** Token of the last delivery that had begun. */
  readonly begun: string | undefined
  readonly publishedAt: EpochMs | undefined
}

export interface EnvelopeAddress {
  readonly exchange: string
  readonly routingKey: string
  readonly deliveryTag: string
  readonly publishedAt: EpochMs
}

const BEGINNING = '{"body": "'

/** JSON text. Throws `EncodeError` when a header cannot be written. */
export function encodeEnvelope({ headers, properties, body }: Message, to: EnvelopeAddress): string {
  const { contentType = null, contentEncoding = null, ...rest } = properties
  // A view on the same bytes.
  const bytes = asBuffer(body)
  return (
    `${BEGINNING}${bytes.toString('base64')}", "content-encoding": ${JSON.stringify(contentEncoding)}, ` +
    `"content-type": ${JSON.stringify(contentType)}, "headers": ${printJson(headers)}, ` +
    `"properties": {${printProperties(rest)}"delivery_info": {"exchange": ${JSON.stringify(to.exchange)}, ` +
    `"routing_key": ${JSON.stringify(to.routingKey)}}, "priority": ${priorityOf(rest.priority)}, ` +
    `"body_encoding": "base64", "delivery_tag": "${to.deliveryTag}", "lovage": {"at": ${to.publishedAt}}}}`
  )
}

/** An envelope of so many bytes on is large: making text of it, and values of that text, is most of the work with it. */
const LARGE: number = 16 * 1024

/** Undefined when it is no envelope (M38). */
export function decodeEnvelope(bytes: Buffer): Envelope | undefined {
  const large = bytes.length < LARGE ? undefined : readLarge(bytes)
  const wire = large?.wire ?? read(bytes)
  return wire === undefined ? undefined : envelopeOf(wire, large?.body)
}

/**
 * An envelope that begins with its body in base64, as those of Kombu and ours do: what follows is read as JSON, and the body
 * without that. Undefined: it is another one.
 */
function readLarge(bytes: Buffer): { readonly wire: Wire; readonly body: Buffer } | undefined {
  if (bytes.toString('latin1', 0, BEGINNING.length) !== BEGINNING) return undefined
  const end = bytes.indexOf(QUOTE, BEGINNING.length)
  const body = end < 0 ? undefined : fromBase64(bytes.toString('latin1', BEGINNING.length, end))
  if (body === undefined) return undefined
  const wire = parse(`{"body": ""${bytes.toString('utf8', end + 1)}`)
  // Of members with one name the last one counts.
  return wire?.dict['body'] === '' && wire.properties['body_encoding'] === 'base64' ? { wire, body } : undefined
}

const QUOTE = 0x22

function envelopeOf(wire: Wire, read: Buffer | undefined): Envelope | undefined {
  const { properties } = wire
  const info = isDict(properties['delivery_info']) ? properties['delivery_info'] : {}
  const body = read ?? bodyOf(wire.dict['body'], properties['body_encoding'])
  if (body === undefined || typeof properties['delivery_tag'] !== 'string') return undefined
  const own = isDict(properties['lovage']) ? properties['lovage'] : {}
  return {
    message: { headers: wire.headers, properties: propertiesOf(wire.dict, properties), body },
    exchange: textOr(info['exchange'], ''),
    routingKey: textOr(info['routing_key'], ''),
    redelivered: info['redelivered'] === true || wire.headers['redelivered'] === true,
    faults: countOf(own['faults']),
    begun: typeof own['begun'] === 'string' ? own['begun'] : undefined,
    publishedAt: typeof own['at'] === 'number' ? own['at'] : undefined,
  }
}

export interface Restamp {
  /** Put back: marked in the two places where Kombu marks it. */
  readonly redelivered: boolean
  readonly faults: number
  readonly begun: string | undefined
}

/** The same envelope with other marks; everything else keeps its value digit for digit. What is no envelope stays as it is. */
export function restampEnvelope(bytes: Buffer, marks: Restamp): Buffer {
  const wire = read(bytes, true)
  if (wire === undefined) return bytes
  const { dict, headers, properties } = wire
  const own = isDict(properties['lovage']) ? properties['lovage'] : {}
  const { begun: _begun, faults: _faults, ...others } = own
  const lovage = {
    ...others,
    ...(marks.faults > 0 && { faults: marks.faults }),
    ...(marks.begun !== undefined && { begun: marks.begun }),
  }
  const info = isDict(properties['delivery_info']) ? properties['delivery_info'] : {}
  const again = marks.redelivered ? { redelivered: true } : {}
  const text = printJson({
    ...dict,
    headers: { ...headers, ...again },
    properties: { ...properties, delivery_info: { ...info, ...again }, lovage },
  })
  return Buffer.from(text)
}

/** The priority by which it is queued, 0 to 9. Source: virtual/base.py `_get_message_priority`. */
export function envelopePriority(bytes: Buffer): number {
  return priorityOf(read(bytes)?.properties['priority'])
}

function priorityOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(Math.trunc(value), 9) : 0
}

interface Wire {
  readonly dict: Dict
  readonly headers: Headers
  readonly properties: Dict
}

function read(bytes: Buffer, exact = false): Wire | undefined {
  return parse(bytes.toString('utf8'), exact)
}

function parse(text: string, exact = false): Wire | undefined {
  try {
    const dict = parseJson(text, { exact })
    if (!isDict(dict)) return undefined
    const headers = dict['headers'] ?? {}
    const properties = dict['properties']
    return isDict(headers) && isDict(properties) ? { dict, headers, properties } : undefined
  } catch {
    return undefined
  }
}

/** Members that AMQP knows, by our names. */
const PROPERTIES: readonly (readonly [keyof Properties, string])[] = [
  ['correlationId', 'correlation_id'],
  ['replyTo', 'reply_to'],
  ['deliveryMode', 'delivery_mode'],
  ['expiration', 'expiration'],
  ['messageId', 'message_id'],
  ['timestamp', 'timestamp'],
  ['type', 'type'],
  ['userId', 'user_id'],
  ['appId', 'app_id'],
  ['clusterId', 'cluster_id'],
]

function printProperties(properties: Properties): string {
  let text = ''
  for (const [name, wire] of PROPERTIES) {
    const value = properties[name]
    if (value !== undefined && value !== null) text += `"${wire}": ${JSON.stringify(value)}, `
  }
  return text
}

/** Whoever decodes the task judges their types; priority 0 is what Kombu writes when there is none. */
function propertiesOf(dict: Dict, wire: Dict): Properties {
  const found: Record<string, unknown> = {}
  const keep = (name: keyof Properties, value: unknown): void => {
    if (value !== undefined && value !== null) found[name] = value
  }
  keep('contentType', dict['content-type'])
  keep('contentEncoding', dict['content-encoding'])
  for (const [name, wireName] of PROPERTIES) keep(name, wire[wireName])
  if (wire['priority'] !== 0) keep('priority', wire['priority'])
  return found
}

/** Source: virtual/base.py `Channel.encode_body`, `decode_body`: without an encoding the body is the text itself. */
function bodyOf(body: unknown, encoding: unknown): Buffer | undefined {
  if (body === undefined || body === null) return Buffer.alloc(0)
  if (typeof body !== 'string') return undefined
  if (encoding === undefined || encoding === null || encoding === 'utf-8') return Buffer.from(body, 'utf8')
  return encoding === 'base64' ? fromBase64(body) : undefined
}

function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  // Node reads over what does not belong there, Python does so too, but ends at the padding.
  return bytes.length === decodedLength(text) ? bytes : undefined
}

function decodedLength(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return text.length % 4 === 0 ? (text.length / 4) * 3 - padding : -1
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0
}
