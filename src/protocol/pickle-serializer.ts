import { ConfigError } from '../lib/errors.js'
import type { Limits } from './limits.js'
import { unpickle } from './pickle.js'
import type { Serializer } from './serializer.js'

/** For reading what Python producers still send, and only where the accept list names it. */
export function pickleSerializer(limits: Limits): Serializer {
  return {
    name: 'pickle',
    contentType: 'application/x-python-serialize',
    contentEncoding: 'binary',
    encode: () => {
      throw new ConfigError('LVG_UNKNOWN_SERIALIZER', 'messages are never written as pickle; use json, msgpack or yaml')
    },
    decode: body => unpickle(body, { limits }),
  }
}
