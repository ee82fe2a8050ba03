import type { Terminal } from '../../src/cli/io.js'

/** A screen that can be read, and keys that a test presses. Understands what the monitor writes: home, moves, clears, styles. */
export class FakeTerminal implements Terminal {
  columns: number
  rows: number
  /** All that was written. */
  written = ''
  #screen: string[] = []
  readonly #keys = new Set<(keys: string) => void>()
  readonly #resizes = new Set<() => void>()

  constructor(columns = 100, rows = 24) {
    this.columns = columns
    this.rows = rows
  }

  /** The lines on it, without styles. */
  get lines(): readonly string[] {
    return this.#screen
  }

  get text(): string {
    return this.#screen.join('\n')
  }

  write(text: string): void {
    this.written += text
    // A frame begins at home and is written line by line.
    const at = text.lastIndexOf('\u001b[H')
    if (at < 0) return
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are made of them
    const plain = text.slice(at).replace(/\u001b\[[\d;?]*[A-Za-z]/g, '')
    this.#screen = plain.split('\r\n')
  }

  press(keys: string): void {
    for (const listener of [...this.#keys]) listener(keys)
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.rows = rows
    for (const listener of [...this.#resizes]) listener()
  }

  get isRaw(): boolean {
    return this.#keys.size > 0
  }

  onKeys(listener: (keys: string) => void): Disposable {
    this.#keys.add(listener)
    return { [Symbol.dispose]: () => this.#keys.delete(listener) }
  }

  onResize(listener: () => void): Disposable {
    this.#resizes.add(listener)
    return { [Symbol.dispose]: () => this.#resizes.delete(listener) }
  }
}
