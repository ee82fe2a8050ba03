import { createHash } from 'node:crypto'
import { escapeText } from '../../lib/escape-text.js'
import type { Ms } from '../../lib/time.js'

/** Lines hashed at a time: one call per line would cost more than the event it tells of. */
const BATCH = 256

/**
 * What happened, one line per event in fixed columns: virtual time in ms, process, kind, detail. The hash covers every
 * line; of the lines themselves the last `keep` are kept. A trace of `instants` writes nothing and hashes times alone.
 */
export class Trace {
  readonly #keep: number
  /** Lines are written, not only instants. */
  readonly full: boolean
  readonly #hash = createHash('sha256')
  #kept: string[] = []
  #unhashed: string[] = []
  #instants = 0

  constructor(keep: number, depth: 'full' | 'instants' = 'full') {
    this.#keep = keep
    this.full = depth === 'full'
  }

  add(at: Ms, process: string, kind: string, detail: string): void {
    if (!this.full) {
      this.#instants = Math.imul(this.#instants ^ (at * 1000), 0x01000193)
      return
    }
    const line = `${at.toFixed(3).padStart(14)}  ${process.padEnd(12)}  ${kind.padEnd(8)}  ${escapeText(detail, 512)}`
    this.#unhashed.push(line)
    if (this.#unhashed.length >= BATCH) this.#absorb()
  }

  /** The last lines, oldest first. */
  lines(): readonly string[] {
    this.#absorb()
    return this.#kept.slice(-this.#keep)
  }

  /** SHA-256 of every line so far, in hex; of `instants` 32 bits. */
  hash(): string {
    if (!this.full) return (this.#instants >>> 0).toString(16).padStart(8, '0')
    this.#absorb()
    return this.#hash.copy().digest('hex')
  }

  #absorb(): void {
    if (this.#unhashed.length === 0) return
    this.#hash.update(`${this.#unhashed.join('\n')}\n`)
    this.#kept.push(...this.#unhashed)
    this.#unhashed = []
    if (this.#kept.length > 2 * this.#keep + BATCH) this.#kept = this.#kept.slice(-this.#keep)
  }
}
