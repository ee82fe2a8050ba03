import { DEFAULT_LIMITS, type Limits } from './limits.js'
import type { PickleMakers } from './pickle-globals.js'
import { PickleReader } from './pickle-reader.js'
import { PickleWriter } from './pickle-writer.js'

/*
 * Python's pickle, for plain data only: what Celery keeps in the `result` column of its SQL tables, whatever the result
 * serializer. A pickle is a program; here it is read by a machine that can build containers and the few value classes
 * of pickle-globals.ts, and stops with an error at anything else (S01): nothing is imported, no function is called.
 */

export interface UnpickleOptions {
  /** Tuples become `Tuple`, for those who print them; default false: arrays. */
  readonly tuples?: boolean
  /** What plain data a call of a further class or function stands for; undefined refuses it. Default: none. */
  readonly makerOf?: PickleMakers
  readonly limits?: Limits
}

/**
 * A pickle of protocol 4, which every Python since 3.4 reads. `null` and `undefined` are None, numbers are ints when they
 * are safe integers and floats otherwise, arrays lists, `Tuple` a tuple, plain objects and Maps dicts, Sets sets, Dates
 * aware datetimes; with bigint, bytes and the classes of values.ts as themselves. `undefined` members are left out and
 * `toJSON` is asked, as in JSON. Throws `EncodeError` naming the place.
 */
export function pickle(value: unknown, options?: { readonly limits?: Limits }): Uint8Array {
  return new PickleWriter(options?.limits ?? DEFAULT_LIMITS).write(value)
}

/**
 * The value of a pickle of any protocol. Dicts become plain objects: int, float, bool and None keys as JSON writes them,
 * others as Python prints them. Sets become Sets, bytes and bytearrays Buffers. Linear in the input; throws
 * `ProtocolError`: `undecodable` when it is not a pickle of plain data, `malformed` or `too-large` beyond the limits.
 */
export function unpickle(bytes: Uint8Array, options?: UnpickleOptions): unknown {
  return new PickleReader(bytes, {
    tuples: options?.tuples === true,
    limits: options?.limits ?? DEFAULT_LIMITS,
    makerOf: options?.makerOf,
  }).read()
}
