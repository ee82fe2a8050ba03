import { createHash } from 'node:crypto'
import type { Random } from './runtime.js'

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** RFC 9562 version 4, from the given randomness. */
export function uuid4(random: Random): string {
  return format(random.bytes(16), 0x40)
}

/** RFC 9562 version 5: the same name in the same namespace (a UUID in text) is always the same id (D43). */
export function uuid5(namespace: string, name: string): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex')
  return format(createHash('sha1').update(space).update(name, 'utf8').digest(), 0x50)
}

/** Namespace of every id Lovage derives. */
export const LOVAGE_NAMESPACE = '5f2b1a34-7e0c-5d1f-9a86-6c6f76616765'

function format(bytes: Uint8Array, version: number): string {
  let text = ''
  for (let i = 0; i < 16; i++) {
    let byte = bytes[i] as number
    if (i === 6) byte = (byte & 0x0f) | version
    if (i === 8) byte = (byte & 0x3f) | 0x80
    text += HEX[byte]
    if (i === 3 || i === 5 || i === 7 || i === 9) text += '-'
  }
  return text
}
