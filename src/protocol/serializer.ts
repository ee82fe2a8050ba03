import type { Turn } from './turn.js'

/** One wire format. Content types and encodings: kombu/serialization.py `register_*`. */
export interface Serializer {
  readonly name: string
  readonly contentType: string
  /** `utf-8`: the bytes are text and only that charset is read; `binary`: they are not. */
  readonly contentEncoding: 'utf-8' | 'binary'
  /** Throws `EncodeError`. */
  encode(value: unknown, names: readonly string[] | undefined): Uint8Array
  /** Throws `ProtocolError`; anything else it throws counts as undecodable. */
  decode(body: Uint8Array, exact: boolean): unknown
  /** The same for a large body, with turns of the event loop in between; absent where a body is read in one go. */
  readonly decodeInTurns?: (body: Uint8Array, exact: boolean, turn: Turn) => Promise<unknown>
}
