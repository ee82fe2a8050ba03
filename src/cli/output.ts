import { escapeText } from '../lib/escape-text.js'
import type { Io } from './io.js'

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
}

/**
 * Where a command's words go: results to standard output, remarks to standard error. With `--json` the results are one
 * document and remarks are left out. Text that may come from outside passes `escapeText` first (S100): use `line` for our
 * own words with such text already escaped, `outside` for the text itself.
 */
export class Output {
  readonly #io: Io
  readonly #options: OutputOptions

  constructor(io: Io, options: OutputOptions) {
    this.#io = io
    this.#options = options
  }

  get json(): boolean {
    return this.#options.json
  }

  get quiet(): boolean {
    return this.#options.quiet
  }

  /** Lines of our own on standard output. */
  say(lines: readonly string[]): void {
    for (const line of lines) this.#io.stdout.write(`${line}\n`)
  }

  /** What was asked for: the document with `--json`, the lines otherwise. */
  result(document: unknown, lines: () => readonly string[]): void {
    if (this.#options.json) this.#io.stdout.write(`${printDocument(document)}\n`)
    else for (const line of lines()) this.#io.stdout.write(`${line}\n`)
  }

  /** Worth knowing while a person watches: not with `--quiet` or `--json`. */
  remark(line: string): void {
    if (!this.#options.quiet && !this.#options.json) this.#io.stderr.write(`${line}\n`)
  }

  /** Must be seen by whoever started this, even with `--quiet`. */
  warn(line: string): void {
    this.#io.stderr.write(`${this.#paint('33', 'warning:')} ${line}\n`)
  }

  #paint(code: string, text: string): string {
    return this.#options.color ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}

/** Text from outside as it may stand on a line of a terminal. */
export function outside(value: unknown): string {
  return escapeText(typeof value === 'string' ? value : (printDocument(value) ?? 'undefined'), 8192)
}

/** JSON for people and scripts: bigints as numbers in full, bytes as base64, dates as ISO 8601, undefined as null. */
export function printDocument(value: unknown): string {
  // Each big integer is printed as itself: JSON has no limit to the length of its numbers.
  const marked = JSON.stringify(value ?? null, (_key, each: unknown) => {
    if (typeof each === 'bigint') return `\u0000${each}\u0000`
    if (each instanceof Uint8Array) return Buffer.from(each).toString('base64')
    if (each instanceof Map) return Object.fromEntries(each)
    if (each instanceof Set) return [...each]
    return each
  })
  return marked.replace(/"\\u0000(-?\d+)\\u0000"/g, '$1')
}
