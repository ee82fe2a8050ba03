import { createCodec } from '../../src/protocol/create-codec.js'
import { decodeTask } from '../../src/protocol/decode-task.js'
import { decodeEvents } from '../../src/protocol/event-message.js'
import { parseJson } from '../../src/protocol/json.js'
import type { Message } from '../../src/protocol/message.js'
import { decodeControlReply, decodeControlRequest } from '../../src/protocol/pidbox.js'
import { type Captured, captured } from '../support/captured.js'
import { vectors } from '../support/vectors.js'

/** Reads whatever a Python program may have written. */
export const readAll = createCodec({ accept: ['json', 'msgpack', 'yaml', 'pickle', 'raw', 'text'], serializer: 'json' })

/** A captured message and the value in its body, when that is JSON. */
export interface SeedMessage {
  readonly message: Message
  readonly value: unknown
}

/** What Python really sent, by what it is; the large ones are left out, because they only make each input slower. */
export interface Seeds {
  readonly tasks: readonly SeedMessage[]
  readonly events: readonly SeedMessage[]
  readonly requests: readonly SeedMessage[]
  readonly replies: readonly SeedMessage[]
  /** JSON texts of stored results. */
  readonly results: readonly string[]
}

const MAX_SEED_BYTES = 2500

export function readSeeds(): Seeds {
  const pieces = ['celery-5.2.6/', 'celery-5.6.2/'].flatMap(vectors).flatMap(({ vector }) => captured(vector))
  const small = pieces.flatMap(piece => (piece.kind === 'message' ? smallMessage(piece) : []))
  const results = pieces.flatMap(piece => (piece.kind === 'result' ? [piece.text] : []))
  return {
    tasks: distinct(small.filter(({ message }) => decodeTask(message, readAll).kind === 'task')),
    events: distinct(small.filter(({ message }) => decodeEvents(message, readAll).events.length > 0)),
    requests: distinct(small.filter(({ message }) => decodeControlRequest(message, readAll).kind === 'request')),
    replies: distinct(small.filter(({ message }) => isReply(message))),
    results: [...new Set(results)].filter(text => text.length < MAX_SEED_BYTES),
  }
}

function isReply(message: Message): boolean {
  return 'ticket' in message.headers && decodeControlReply(message, readAll).kind === 'reply'
}

function smallMessage({ message }: Captured & { readonly kind: 'message' }): readonly SeedMessage[] {
  if (message.body.length > MAX_SEED_BYTES || JSON.stringify(message.headers).length > MAX_SEED_BYTES) return []
  return [{ message, value: jsonOf(message) }]
}

function jsonOf({ body, properties }: Message): unknown {
  if (properties.contentType !== 'application/json') return undefined
  try {
    return parseJson(Buffer.from(body).toString())
  } catch {
    return undefined
  }
}

/** The captures of two brokers and two versions differ in ids; a few of each shape are enough. */
function distinct(messages: readonly SeedMessage[]): readonly SeedMessage[] {
  const seen = new Map<string, number>()
  return messages.filter(({ message, value }) => {
    const shape = `${Object.keys(message.headers)} ${message.headers['task']} ${shapeOf(value)} ${message.properties.contentType}`
    const count = seen.get(shape) ?? 0
    seen.set(shape, count + 1)
    return count < 2
  })
}

function shapeOf(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? 'n' : item))?.slice(0, 60) ?? ''
}
