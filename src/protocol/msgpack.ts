import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { MsgpackReader } from './msgpack-reader.js'
import { MsgpackWriter } from './msgpack-writer.js'
import { plainValue } from './plain-value.js'

/*
 * MessagePack as Kombu uses it: text as str, bytes as bin, no extensions but the timestamp. Written here and not taken
 * from a package because a reader of foreign bytes has to count before it allocates, and because integers must keep
 * their digits; the format is a page long. Source: kombu/serialization.py `register_msgpack`.
 */

export interface MsgpackOptions {
  readonly limits?: Limits
  readonly names?: readonly string[] | undefined
}

/** Dates are timestamps (Python gets `msgpack.Timestamp`), bigints up to 64 bits. Throws `EncodeError`. */
export function packMsgpack(value: unknown, options?: MsgpackOptions): Uint8Array {
  const limits = options?.limits ?? DEFAULT_LIMITS
  const plain = plainValue(value, { limits, names: options?.names, isLeaf, format: 'msgpack' })
  return new MsgpackWriter().write(plain)
}

/** Map keys that are no text become it, as in JSON. Throws `ProtocolError`. */
export function unpackMsgpack(bytes: Uint8Array, limits: Limits = DEFAULT_LIMITS): unknown {
  return new MsgpackReader(bytes, limits).read()
}

function isLeaf(value: string | number | bigint | object): boolean {
  switch (typeof value) {
    case 'string':
      return !/\p{Cs}/u.test(value)
    case 'number':
      return true
    case 'bigint':
      return value >= -(2n ** 63n) && value < 2n ** 64n
    default:
      return value instanceof Uint8Array || (value instanceof Date && Number.isFinite(value.getTime()))
  }
}
