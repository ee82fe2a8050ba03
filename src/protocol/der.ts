/** One element of DER (X.690): its tag and where its content lies. */
export interface DerElement {
  readonly tag: number
  readonly content: Buffer
}

/** The elements that follow each other in the bytes. Throws `RangeError` when they are not DER. */
export function derElements(bytes: Buffer): readonly DerElement[] {
  const elements: DerElement[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at)
    const { length, from } = lengthAt(bytes, at + 1)
    if (from + length > bytes.length) throw new RangeError('the DER ends too early')
    elements.push({ tag, content: bytes.subarray(from, from + length) })
    at = from + length
  }
  return elements
}

function lengthAt(bytes: Buffer, at: number): { readonly length: number; readonly from: number } {
  const first = bytes.readUInt8(at)
  if (first < 0x80) return { length: first, from: at + 1 }
  const width = first & 0x7f
  if (width < 1 || width > 4) throw new RangeError('a DER length of more than four bytes')
  return { length: bytes.readUIntBE(at + 1, width), from: at + 1 + width }
}

/** The text of a string element, of whichever of the string types certificates use. */
export function derText({ tag, content }: DerElement): string {
  switch (tag) {
    case 0x1e:
      return utf16(content)
    case 0x14:
      return content.toString('latin1')
    default:
      return content.toString('utf8')
  }
}

function utf16(content: Buffer): string {
  if (content.length % 2 !== 0) throw new RangeError('a BMPString of odd length')
  return Buffer.from(content).swap16().toString('utf16le')
}
