/** What `JSON.stringify` puts where a `RawList` stands; `printJsonBytes` puts the list there. */
export const RAW_LIST_MARK = '\u2063 a list kept as text \u2063'

/**
 * A list of objects that is only passed on, kept as the JSON that it came as. It has been gone over (`JsonSkimmer`), so
 * it is JSON within the limits; what the objects say nobody has looked at. `rawItems` reads them.
 */
export class RawList {
  /** UTF-8, what stands between the brackets. Not to be changed. */
  readonly bytes: Uint8Array
  readonly length: number
  /** All objects in it, those within others included. */
  readonly objects: number

  constructor(bytes: Uint8Array, length: number, objects: number) {
    this.bytes = bytes
    this.length = length
    this.objects = objects
  }

  /** JSON of the whole list. */
  get text(): string {
    const { buffer, byteOffset, byteLength } = this.bytes
    return `[${Buffer.from(buffer, byteOffset, byteLength).toString('utf8')}]`
  }

  toJSON(): string {
    return RAW_LIST_MARK
  }
}
