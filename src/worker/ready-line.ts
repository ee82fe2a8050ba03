import type { Running } from './running.js'

/** What waits for nothing but a slot, in order. */
export class ReadyLine {
  #line: Running[] = []
  #head = 0

  get size(): number {
    return this.#line.length - this.#head
  }

  /** Who is next; undefined = nobody. */
  get first(): Running | undefined {
    return this.#line[this.#head]
  }

  push(running: Running): void {
    this.#line.push(running)
  }

  /** The first one goes. */
  shift(): void {
    this.#head++
    if (this.#head === this.#line.length) this.clear()
  }

  /** Everybody goes. */
  clear(): readonly Running[] {
    const waiting = this.#line.slice(this.#head)
    this.#line = []
    this.#head = 0
    return waiting
  }

  /** Those go for whom it is so. */
  drop(meant: (running: Running) => boolean): readonly Running[] {
    const waiting = this.clear()
    this.#line = waiting.filter(running => !meant(running))
    return waiting.filter(meant)
  }
}
