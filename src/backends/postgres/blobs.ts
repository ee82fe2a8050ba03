/** Bytes one after another, as one parameter, and where each lies: for SQL, which counts from 1. */
export class Blobs {
  readonly #parts: Uint8Array[] = []
  #size = 0

  add(bytes: Uint8Array): { readonly at: number; readonly size: number } {
    const at = this.#size + 1
    this.#parts.push(bytes)
    this.#size += bytes.byteLength
    return { at, size: bytes.byteLength }
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#size)
  }
}
