import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../lib/as-buffer.js'
import { ProtocolError } from './errors.js'

/** The text of a body. Throws `ProtocolError` (undecodable) where it is not UTF-8: overlong forms and raw surrogates are none (M03). */
export function utf8Text(body: Uint8Array): string {
  if (!isUtf8(body)) throw new ProtocolError('undecodable', 'the body is not UTF-8')
  return asBuffer(body).toString('utf8')
}
