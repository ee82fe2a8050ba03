import { EncodeError } from './errors.js'
import type { Serializer } from './serializer.js'
import { utf8Text } from './utf8-text.js'

/** Bytes as they are. */
export const rawSerializer: Serializer = {
  name: 'raw',
  contentType: 'application/data',
  contentEncoding: 'binary',
  encode: value => {
    if (value instanceof Uint8Array) return value
    throw new EncodeError('', 'only bytes can be sent as raw data')
  },
  decode: body => Buffer.from(body),
}

/** Text as it is. */
export const textSerializer: Serializer = {
  name: 'text',
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  encode: value => {
    if (typeof value === 'string' && !/\p{Cs}/u.test(value)) return Buffer.from(value, 'utf8')
    throw new EncodeError('', 'only well-formed text can be sent as plain text')
  },
  decode: utf8Text,
}
