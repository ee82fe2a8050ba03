import type { Random } from '../lib/runtime.js'

/** Base 36 digits of the counter: 78 billion publishes before the text grows. */
const DIGITS = 7

/**
 * Names for acts of publishing, unique like any id, and in ascending order within one app: a store that remembers them
 * (D05) writes neighbours side by side. Random ones cost the SQLite broker a page each, a fifth of a publish
 * (bench row `publish-many-os`).
 */
export class PublishIds {
  readonly #prefix: string
  #count = 0

  constructor(random: Random) {
    this.#prefix = Buffer.from(random.bytes(12)).toString('base64url')
  }

  draw(): string {
    return this.#prefix + (this.#count++).toString(36).padStart(DIGITS, '0')
  }
}
