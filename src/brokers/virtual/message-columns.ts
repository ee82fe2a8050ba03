import type { Message, Properties } from '../../protocol/message.js'
import { parseHeaders, printHeaders } from './stored-headers.js'

/**
 * Messages on their way between threads: a column per part, because cloning a few long arrays costs a fraction of
 * cloning an object per message. All bodies lie one after another in `bytes`; `ends[i]` is where the i-th ends.
 */
export interface MessageColumns {
  readonly properties: readonly string[]
  readonly headers: readonly string[]
  readonly ends: readonly number[]
  readonly bytes: Uint8Array
}

export function packMessages(messages: readonly Message[]): MessageColumns {
  return {
    properties: messages.map(message => JSON.stringify(message.properties)),
    headers: messages.map(message => printHeaders(message.headers)),
    ...packBodies(messages.map(message => message.body)),
  }
}

export function packBodies(bodies: readonly Uint8Array[]): Pick<MessageColumns, 'ends' | 'bytes'> {
  let size = 0
  const ends = bodies.map(body => (size += body.byteLength))
  // A buffer of its own: a view would take its whole pool along.
  const bytes = new Uint8Array(size)
  bodies.forEach((body, i) => void bytes.set(body, (ends[i] as number) - body.byteLength))
  return { ends, bytes }
}

export function bodyAt(columns: Pick<MessageColumns, 'ends' | 'bytes'>, index: number): Uint8Array {
  const start = index === 0 ? 0 : columns.ends[index - 1]
  return columns.bytes.subarray(start, columns.ends[index])
}

export function unpackMessage(columns: MessageColumns, index: number): Message {
  // Columns are equally long.
  return messageFromParts(columns.properties[index] as string, columns.headers[index] as string, bodyAt(columns, index))
}

/**
 * The message of one row. A row whose text somebody spoiled gives a message without headers or properties and with its
 * body untouched: whoever decodes it finds it malformed and dead-letters it (M40).
 */
export function messageFromParts(properties: string, headers: string, body: Uint8Array): Message {
  return { headers: parseHeaders(headers) ?? {}, properties: parseProperties(properties), body }
}

function parseProperties(text: string): Properties {
  try {
    const value: unknown = JSON.parse(text)
    // Written by `packMessages` from properties.
    return typeof value === 'object' && value !== null ? (value as Properties) : {}
  } catch {
    return {}
  }
}
