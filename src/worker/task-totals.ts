/** Names that are counted by themselves (L18). */
const MAX_NAMES = 10_000
/** Where all further ones are counted. */
const OTHER = 'other'

/** How many tasks of each name were started. */
export class TaskTotals {
  readonly #counts = new Map<string, number>()
  #all = 0

  /** Of all names together. */
  get all(): number {
    return this.#all
  }

  get byName(): ReadonlyMap<string, number> {
    return this.#counts
  }

  add(task: string): void {
    this.#all++
    const known = this.#counts.get(task)
    const name = known === undefined && this.#counts.size >= MAX_NAMES ? OTHER : task
    this.#counts.set(name, (known ?? this.#counts.get(name) ?? 0) + 1)
  }
}
