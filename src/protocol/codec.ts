import type { DeadLetterReason } from './dead-letter.js'
import type { Turn } from './turn.js'

/**
 * Turns values into body bytes and back: serializer, compression, accept list and limits L01–L05 in one object,
 * made once per app by `createCodec`. Pure: no clock, no I/O.
 */
export interface Codec {
  /** Serialises with the named serializer (default: the app's). Throws `EncodeError` naming the offending path. */
  encode(value: unknown, options?: EncodeOptions): Encoded
  /** What was printed as JSON already, as serializer `json` would have it. Throws `EncodeError` when it is too large. */
  encodeJson(text: string): Encoded
  /**
   * Decompresses, checks the accept list, the limits and the charset, then deserialises. Never throws: what a hostile
   * sender can cause is a value.
   */
  decode(encoded: Encoded, options?: DecodeOptions): Decoded
  /** The same without keeping the event loop for long: for bodies that are large, or may be once they are unpacked. */
  decodeInTurns(encoded: Encoded, turn: Turn, options?: DecodeOptions): Promise<Decoded>
}

export interface DecodeOptions {
  /** Numbers JavaScript would change (`1.0`, long fractions) stay as they were written, for values that are passed on. Default false. */
  readonly exact?: boolean
}

export interface EncodeOptions {
  /** `json` (default), `msgpack`, `yaml`, `raw`, `auth`. */
  readonly serializer?: string | undefined
  /** Alias or MIME type; absent = none. */
  readonly compression?: string | undefined
  /** What the elements of an outermost array are called in the paths of errors: `['args', 'kwargs', 'embed']`. */
  readonly names?: readonly string[] | undefined
}

export interface Encoded {
  readonly contentType: string
  readonly contentEncoding: string
  /** Full MIME type for the `compression` header, when compressed. */
  readonly compression: string | undefined
  readonly body: Uint8Array
}

export type Decoded = { readonly kind: 'value'; readonly value: unknown } | Undecodable

export interface Undecodable {
  readonly kind: 'undecodable'
  readonly reason: DeadLetterReason
  /** One line for the log; no secrets, at most 256 characters of input, escaped. */
  readonly detail: string
}
