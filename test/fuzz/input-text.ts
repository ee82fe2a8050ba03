import type { Message } from '../../src/protocol/message.js'
import type { Input } from './target.js'

/*
 * Inputs as JSON, for corpus files and for messages between threads: `{"text": …}`, `{"bytes": <base64>}`,
 * `{"message": {headers, properties, body}}`, `{"value": …}`. What JSON lacks stands under `$`: `{"$": "bigint", "v": "9"}`.
 */

export function inputToJson(input: Input): unknown {
  switch (input.kind) {
    case 'text':
      return { text: input.text }
    case 'bytes':
      return { bytes: base64(input.bytes) }
    case 'message':
      return { message: marked({ ...input.message }) }
    case 'value':
      return { value: marked(input.value) }
    default:
      return input satisfies never
  }
}

/** Throws `TypeError` for what `inputToJson` does not give. */
export function inputFromJson(json: unknown): Input {
  const { text, bytes, message, value } = json as Readonly<Record<string, unknown>>
  if (typeof text === 'string') return { kind: 'text', text }
  if (typeof bytes === 'string') return { kind: 'bytes', bytes: Buffer.from(bytes, 'base64') }
  if (message !== undefined) return { kind: 'message', message: unmarked(message) as Message }
  if (value !== undefined) return { kind: 'value', value: unmarked(value) }
  throw new TypeError('this is no input')
}

/** About how many bytes a decoder has to look at. */
export function inputSize(input: Input): number {
  switch (input.kind) {
    case 'text':
      return input.text.length
    case 'bytes':
      return input.bytes.length
    case 'message':
      return input.message.body.length + 1000
    case 'value':
      return 1000
    default:
      return input satisfies never
  }
}

function marked(value: unknown): unknown {
  if (typeof value === 'bigint') return mark('bigint', String(value))
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : mark('number', Object.is(value, -0) ? '-0' : String(value))
  }
  if (value === undefined) return mark('undefined', null)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return mark('bytes', base64(value))
  if (value instanceof Date) return mark('date', value.getTime())
  if (Array.isArray(value)) return value.map(marked)
  const entries = Object.entries(value).map(([name, member]) => [name, marked(member)] as const)
  return Object.hasOwn(value, '$') ? mark('entries', entries) : Object.fromEntries(entries)
}

function unmarked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(unmarked)
  const { $, v } = value as Readonly<Record<string, unknown>>
  switch ($) {
    case 'bigint':
      return BigInt(v as string)
    case 'number':
      return Number(v)
    case 'undefined':
      return undefined
    case 'bytes':
      return new Uint8Array(Buffer.from(v as string, 'base64'))
    case 'date':
      return new Date(v as number)
    case 'entries':
      return Object.fromEntries((v as [string, unknown][]).map(([name, member]) => [name, unmarked(member)]))
    default:
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unmarked(member)]))
  }
}

function mark(kind: string, v: unknown): unknown {
  return { $: kind, v }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
