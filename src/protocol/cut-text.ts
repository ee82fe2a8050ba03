const CUT = '… (cut)'

/** At most `limit` bytes of UTF-8, cut on a code point and marked. */
export function cutText(text: string, limit: number): string {
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text
  const bytes = Buffer.from(text.slice(0, limit))
  let end = limit - Buffer.byteLength(CUT)
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end) + CUT
}
