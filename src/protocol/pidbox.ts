import type { EpochMs } from '../lib/time.js'
import type { Codec } from './codec.js'
import { encodedBody } from './decode-task.js'
import { type Dict, isAbsent, isDict } from './dict.js'
import { EncodeError } from './errors.js'
import { type NodeName, nameProblem } from './ids.js'
import type { Message } from './message.js'
import { msOfSeconds } from './wire-seconds.js'

/*
 * Remote control on the wire: requests `{method, arguments, destination, pattern, matcher, ticket, reply_to}` and replies
 * `{"<node>": <value>}`, with the mailbox clock in a header. Source: kombu/pidbox.py `Mailbox`, `Node`.
 */

export interface ControlRequest {
  readonly method: string
  /** By the names that the command knows on the wire. */
  readonly arguments: Readonly<Record<string, unknown>>
  /** Node names; undefined = not by name. */
  readonly destination: readonly string[] | undefined
  readonly pattern: string | undefined
  /** `glob` or `pcre`. */
  readonly matcher: string | undefined
  /** Names the call that waits for replies. */
  readonly ticket: string | undefined
  /** Where replies go; undefined = nobody waits. */
  readonly replyTo: ReplyAddress | undefined
  /** The sender's mailbox clock. */
  readonly clock: number | undefined
  /** When the caller stops waiting. Workers take no notice of it, as Celery's do not. */
  readonly expires: EpochMs | undefined
}

export interface ReplyAddress {
  readonly exchange: string
  readonly routingKey: string
}

export interface ControlReply {
  readonly node: NodeName
  readonly value: unknown
  /** Undefined counts as meant for whoever reads it. */
  readonly ticket: string | undefined
  readonly clock: number | undefined
}

/** What a mailbox received. A malformed request may still say where an error reply can go (M45). */
export type DecodedControl =
  | { readonly kind: 'request'; readonly request: ControlRequest }
  | {
      readonly kind: 'malformed'
      readonly detail: string
      readonly ticket: string | undefined
      readonly replyTo: ReplyAddress | undefined
    }

export type DecodedReply =
  | { readonly kind: 'reply'; readonly reply: ControlReply }
  | { readonly kind: 'malformed'; readonly detail: string }

/** L17. */
const MAX_REQUEST_BYTES = 1024 * 1024
const MAX_REPLY_BYTES = 8 * 1024 * 1024

/** Throws `EncodeError`, also beyond L17. */
export function encodeControlRequest(request: ControlRequest, codec: Codec, serializer?: string): Message {
  const { replyTo } = request
  const body = {
    method: request.method,
    arguments: request.arguments,
    destination: request.destination ?? null,
    pattern: request.pattern ?? null,
    matcher: request.matcher ?? null,
    ...(request.ticket === undefined ? undefined : { ticket: request.ticket }),
    ...(replyTo === undefined
      ? undefined
      : { reply_to: { exchange: replyTo.exchange, routing_key: replyTo.routingKey } }),
  }
  const headers = { clock: request.clock ?? 0, expires: request.expires === undefined ? 0 : request.expires / 1000 }
  return controlMessage(
    body,
    { headers, deliveryMode: 2, limit: MAX_REQUEST_BYTES, what: 'control message' },
    codec,
    serializer,
  )
}

/** Throws `EncodeError`, also beyond L17. */
export function encodeControlReply(reply: ControlReply, codec: Codec, serializer?: string): Message {
  const headers = { ticket: reply.ticket ?? null, clock: reply.clock ?? 0 }
  const body = { [reply.node]: reply.value }
  return controlMessage(
    body,
    { headers, deliveryMode: 1, limit: MAX_REPLY_BYTES, what: 'control reply' },
    codec,
    serializer,
  )
}

/** Never throws. Members that nobody knows are skipped. */
export function decodeControlRequest(message: Message, codec: Codec): DecodedControl {
  const decoded = decodeBody(message, codec, MAX_REQUEST_BYTES)
  if (decoded.kind === 'malformed') return { ...decoded, ticket: undefined, replyTo: undefined }
  const { body } = decoded
  const ticket = textOf(body['ticket'])
  const replyTo = addressOf(body['reply_to'])
  const problem = requestProblem(body)
  if (problem !== undefined) return { kind: 'malformed', detail: problem, ticket, replyTo }
  const request: ControlRequest = {
    method: body['method'] as string,
    arguments: isDict(body['arguments']) ? body['arguments'] : {},
    destination: destinationOf(body['destination']),
    pattern: textOf(body['pattern']),
    matcher: textOf(body['matcher']),
    ticket,
    replyTo,
    clock: clockOf(message.headers['clock']),
    expires: expiresOf(message.headers['expires']),
  }
  return { kind: 'request', request }
}

/** Never throws. */
export function decodeControlReply(message: Message, codec: Codec): DecodedReply {
  const decoded = decodeBody(message, codec, MAX_REPLY_BYTES)
  if (decoded.kind === 'malformed') return decoded
  const [entry, ...others] = Object.entries(decoded.body)
  if (entry === undefined || others.length > 0) return { kind: 'malformed', detail: 'a reply does not name one node' }
  const [node, value] = entry
  const problem = nameProblem(node)
  if (problem !== undefined) return { kind: 'malformed', detail: `the node name of a reply ${problem}` }
  const { ticket, clock } = message.headers
  return { kind: 'reply', reply: { node: node as NodeName, value, ticket: textOf(ticket), clock: clockOf(clock) } }
}

interface Envelope {
  readonly headers: Dict
  readonly deliveryMode: 1 | 2
  readonly limit: number
  readonly what: string
}

function controlMessage(body: unknown, envelope: Envelope, codec: Codec, serializer: string | undefined): Message {
  const encoded = codec.encode(body, { serializer })
  if (encoded.body.length > envelope.limit) {
    const problem = `the ${envelope.what} takes ${encoded.body.length} bytes; at most ${envelope.limit} are sent (L17)`
    throw new EncodeError('', problem, { code: 'LVG_ENCODE_TOO_LARGE' })
  }
  return {
    headers: envelope.headers,
    properties: {
      contentType: encoded.contentType,
      contentEncoding: encoded.contentEncoding,
      deliveryMode: envelope.deliveryMode,
      priority: 0,
    },
    body: encoded.body,
  }
}

function decodeBody(
  message: Message,
  codec: Codec,
  limit: number,
): { readonly kind: 'body'; readonly body: Dict } | { readonly kind: 'malformed'; readonly detail: string } {
  if (message.body.length > limit)
    return { kind: 'malformed', detail: `${message.body.length} bytes are too many (L17)` }
  const decoded = codec.decode(encodedBody(message))
  if (decoded.kind === 'undecodable') return { kind: 'malformed', detail: decoded.detail }
  return isDict(decoded.value)
    ? { kind: 'body', body: decoded.value }
    : { kind: 'malformed', detail: 'the body is not an object' }
}

function requestProblem(body: Dict): string | undefined {
  const method = nameProblem(body['method'])
  if (method !== undefined) return `method ${method}`
  const { arguments: given, destination } = body
  if (!isAbsent(given) && !isDict(given)) return 'arguments are not an object'
  if (isAbsent(destination) || typeof destination === 'string') return undefined
  if (!Array.isArray(destination)) return 'destination is not a list'
  return destination.every(node => typeof node === 'string')
    ? undefined
    : 'destination holds something that is no node name'
}

/** An empty one addresses nobody by name, as in Python. */
function destinationOf(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return value === '' ? undefined : [value]
  return Array.isArray(value) && value.length > 0 ? (value as readonly string[]) : undefined
}

function addressOf(value: unknown): ReplyAddress | undefined {
  if (!isDict(value)) return undefined
  const { exchange, routing_key: routingKey } = value
  return typeof exchange === 'string' && typeof routingKey === 'string' ? { exchange, routingKey } : undefined
}

function clockOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

/** Seconds; 0 = none. */
function expiresOf(value: unknown): EpochMs | undefined {
  const ms = typeof value === 'number' ? msOfSeconds(value) : 0
  return ms > 0 && Number.isFinite(ms) ? ms : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
