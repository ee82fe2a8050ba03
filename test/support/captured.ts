import type { Message } from '../../src/protocol/message.js'

/** Something that Python wrote, found anywhere in a vector. */
export type Captured =
  | { readonly kind: 'message'; readonly message: Message; readonly exchange: string; readonly from: string }
  /** A stored or sent task record, a saved group, one part of a Redis chord: JSON text. */
  | { readonly kind: 'result' | 'group' | 'part'; readonly text: string }

/** Everything in a vector that carries a message or a stored result, each distinct one once, in the order of the file. */
export function captured(vector: unknown): readonly Captured[] {
  const found = new Map<string, Captured>()
  const waiting: { readonly value: unknown; readonly from: string }[] = [{ value: vector, from: '' }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value } = next
    const from = isRecord(value) && typeof value['from'] === 'string' ? value['from'] : next.from
    for (const piece of piecesOf(value, from)) {
      const key = keyOf(piece)
      if (!found.has(key)) found.set(key, piece)
    }
    // Reading aids repeat what is beside them.
    if (!isRecord(value) && !Array.isArray(value)) continue
    for (const [name, member] of Object.entries(value).reverse()) {
      if (name !== 'decoded') waiting.push({ value: member, from })
    }
  }
  return [...found.values()]
}

function keyOf(piece: Captured): string {
  if (piece.kind !== 'message') return piece.text
  return JSON.stringify([
    piece.message.headers,
    piece.message.properties,
    Buffer.from(piece.message.body).toString('hex'),
  ])
}

function piecesOf(value: unknown, from: string): readonly Captured[] {
  if (isRecord(value) && isRecord(value['properties']) && isRecord(value['args']) && isRecord(value['body'])) {
    return [amqpMessage(value, from)]
  }
  if (typeof value !== 'string' || !/^[[{]/.test(value)) return []
  const parsed = parseLoosely(value)
  if (Array.isArray(parsed)) {
    if (parsed[0] === 1 && parsed.length === 4) return [{ kind: 'part', text: value }]
    return isEnvelope(parsed[0]) ? [envelopeMessage(parsed[0], from)] : []
  }
  if (!isRecord(parsed)) return []
  if (isEnvelope(parsed)) return [envelopeMessage(parsed, from)]
  if (typeof parsed['status'] === 'string' && typeof parsed['task_id'] === 'string')
    return [{ kind: 'result', text: value }]
  return Array.isArray(parsed['result']) && Object.keys(parsed).length === 1 ? [{ kind: 'group', text: value }] : []
}

/** Only to see what it is: numbers and NaN do not matter here. */
function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text.replace(/\b(?:NaN|-?Infinity)\b/g, '0'))
  } catch {
    return undefined
  }
}

function amqpMessage(value: Readonly<Record<string, unknown>>, from: string): Captured {
  const args = value['args'] as { readonly exchange: string }
  const body = value['body'] as { readonly text?: string; readonly base64?: string }
  return {
    kind: 'message',
    message: {
      headers: (value['headers'] ?? {}) as Message['headers'],
      properties: properties(value['properties'] as Readonly<Record<string, unknown>>),
      body: body.base64 === undefined ? Buffer.from(body.text ?? '') : Buffer.from(body.base64, 'base64'),
    },
    exchange: args.exchange,
    from,
  }
}

function isEnvelope(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    isRecord(value) && typeof value['body'] === 'string' && isRecord(value['properties']) && isRecord(value['headers'])
  )
}

function envelopeMessage(envelope: Readonly<Record<string, unknown>>, from: string): Captured {
  const wire = envelope['properties'] as Readonly<Record<string, unknown>>
  const encoding = wire['body_encoding'] === 'base64' ? 'base64' : 'utf8'
  return {
    kind: 'message',
    message: {
      headers: envelope['headers'] as Message['headers'],
      properties: properties({
        ...wire,
        content_type: envelope['content-type'],
        content_encoding: envelope['content-encoding'],
      }),
      body: Buffer.from(envelope['body'] as string, encoding),
    },
    exchange: (wire['delivery_info'] as { readonly exchange: string }).exchange,
    from,
  }
}

const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'deliveryMode',
  'priority',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const satisfies readonly (keyof Message['properties'])[]

/** The fourteen of AMQP; Kombu puts further members into the envelope, which no other transport knows. */
function properties(wire: Readonly<Record<string, unknown>>): Message['properties'] {
  const named = PROPERTIES.map(
    name => [name, wire[name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)]] as const,
  )
  return Object.fromEntries(named.filter(([, value]) => value !== undefined))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
