import { isUtf8 } from 'node:buffer'

/** UTF-8 in which lone surrogates have three bytes of their own, as Python's `surrogatepass` writes. */
export function encodeSurrogateUtf8(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  if (!/\p{Cs}/u.test(text)) return bytes
  // Buffer.from wrote EF BF BD for each lone surrogate, which is just as long.
  let at = 0
  for (const point of text) {
    const code = point.codePointAt(0) as number // point is one character
    if (code >= 0xd800 && code <= 0xdfff) {
      bytes[at] = 0xed
      bytes[at + 1] = 0x80 | ((code >> 6) & 0x3f)
      bytes[at + 2] = 0x80 | (code & 0x3f)
    }
    at += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/** Undefined when the bytes are not such UTF-8. */
export function decodeSurrogateUtf8(bytes: Buffer): string | undefined {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  let from = 0
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    const [second, third] = [bytes[at + 1] ?? 0, bytes[at + 2] ?? 0]
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue
    const before = bytes.subarray(from, at)
    if (!isUtf8(before)) return undefined
    text += before.toString('utf8') + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f))
    from = at + 3
  }
  const rest = bytes.subarray(from)
  return isUtf8(rest) ? text + rest.toString('utf8') : undefined
}
