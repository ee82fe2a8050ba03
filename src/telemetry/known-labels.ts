/** Most values of one label; whatever comes after them is `other` (L18). */
const MOST = 10_000

/** Texts from outside as values of a metric's label: whoever makes up names must not fill the memory of the process. */
export class KnownLabels {
  readonly #known = new Set<string>()
  readonly #most: number

  constructor(most: number = MOST) {
    this.#most = most
  }

  keep(value: unknown): string {
    const text = typeof value === 'string' ? value.slice(0, 255) : ''
    if (this.#known.has(text)) return text
    if (this.#known.size >= this.#most) return 'other'
    this.#known.add(text)
    return text
  }
}
