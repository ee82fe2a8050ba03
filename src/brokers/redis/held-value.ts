import { decodeEnvelope, restampEnvelope } from '../../protocol/kombu-envelope.js'

/**
 * What stands in the hash `unacked`: `[message, exchange, routing key]` as JSON, the message's bytes as they were.
 * Source: kombu/transport/redis.py `QoS.append`.
 */
export interface HeldValue {
  readonly message: Buffer
  readonly exchange: string
  readonly routingKey: string
}

/** Undefined when it is nothing of the kind. The message is not looked into. */
export function readHeldValue(value: Buffer): HeldValue | undefined {
  const text = value.toString('latin1')
  const tail = /,\s*("(?:[^"\\]|\\.)*"|null),\s*("(?:[^"\\]|\\.)*"|null)\s*\]\s*$/.exec(text.slice(-2100))
  if (tail === null || !text.startsWith('[')) return undefined
  const end = Math.max(0, text.length - 2100) + tail.index
  try {
    return {
      message: value.subarray(1, end),
      exchange: nameOf(tail[1]),
      routingKey: nameOf(tail[2]),
    }
  } catch {
    return undefined
  }
}

export function writeHeldValue({ message, exchange, routingKey }: HeldValue): Buffer {
  const tail = `, ${JSON.stringify(exchange)}, ${JSON.stringify(routingKey)}]`
  return Buffer.concat([Buffer.from('['), message, Buffer.from(tail)])
}

function nameOf(json: string | undefined): string {
  const name: unknown = JSON.parse(Buffer.from(json ?? 'null', 'latin1').toString('utf8'))
  return typeof name === 'string' ? name : ''
}

/** How a message goes back. */
export type Return =
  /** Its holder is dead: what had begun, and what has no past, has one more fault (D40). */
  'dead' | 'counted' | 'clean'

/** The message with the marks of one more return. Of what is no envelope, the bytes as they are. */
export function returnedMessage(message: Buffer, token: string, how: Return): Buffer {
  const envelope = decodeEnvelope(message)
  if (envelope === undefined) return message
  const { begun, past } = markOf(envelope.begun, token)
  switch (how) {
    case 'clean':
      return restampEnvelope(message, { redelivered: true, faults: envelope.faults, begun: past })
    case 'counted':
      return restampEnvelope(message, { redelivered: true, faults: envelope.faults + 1, begun: token })
    case 'dead': {
      const faults = envelope.faults === 0 || begun ? envelope.faults + 1 : envelope.faults
      return restampEnvelope(message, { redelivered: true, faults, begun: begun ? token : past })
    }
    default:
      return how satisfies never
  }
}

/** Behind a token: the delivery before it had begun, too. */
const TOO = '+'

/** What the mark says of the delivery with this token, and of those before it. */
function markOf(
  mark: string | undefined,
  token: string,
): { readonly begun: boolean; readonly past: string | undefined } {
  if (mark === token) return { begun: true, past: undefined }
  return mark === token + TOO ? { begun: true, past: token } : { begun: false, past: mark }
}

/** The held value with the mark that this delivery has begun. */
export function begunValue(value: Buffer, token: string): Buffer {
  const held = readHeldValue(value)
  const envelope = held === undefined ? undefined : decodeEnvelope(held.message)
  if (held === undefined || envelope === undefined) return value
  const { faults, redelivered } = envelope
  const { begun, past } = markOf(envelope.begun, token)
  if (begun) return value
  const message = restampEnvelope(held.message, {
    redelivered,
    faults,
    begun: past === undefined ? token : token + TOO,
  })
  return writeHeldValue({ ...held, message })
}
