import type { Limits } from './limits.js'
import { packMsgpack, unpackMsgpack } from './msgpack.js'
import type { Serializer } from './serializer.js'

export function msgpackSerializer(limits: Limits): Serializer {
  return {
    name: 'msgpack',
    contentType: 'application/x-msgpack',
    contentEncoding: 'binary',
    encode: (value, names) => packMsgpack(value, { limits, names }),
    decode: body => unpackMsgpack(body, limits),
  }
}
