import type { TaskRequest } from '../protocol/request.js'
import { isStamped, type Stamps, type StampValue } from './stamps.js'

/**
 * Stamps whose tasks must not start here: the newest 1,000 (L14), without an age, as in Celery. Any stamp of a task that is
 * among them counts; Celery looks no further than the first stamped header that it knows.
 */
export class RevokedStamps {
  readonly #max: number
  readonly #values = new Map<string, Set<StampValue>>()
  #size = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  add(stamps: Stamps): void {
    for (const [header, values] of stamps) for (const value of values) this.#add(header, value)
  }

  has({ stamps: own }: Pick<TaskRequest, 'stamps'>): boolean {
    if (this.#size === 0) return false
    for (const [header, values] of this.#values) {
      if (!Object.hasOwn(own, header)) continue
      for (const value of values) if (isStamped(own[header], value)) return true
    }
    return false
  }

  entries(): Stamps {
    return new Map([...this.#values].map(([header, values]) => [header, [...values]]))
  }

  #add(header: string, value: StampValue): void {
    const values = this.#values.get(header) ?? new Set()
    if (values.has(value)) return
    // Anew at the end, so that the first one is the one that was added to longest ago.
    this.#values.delete(header)
    this.#values.set(header, values.add(value))
    this.#size++
    if (this.#size > this.#max) this.#dropOldest()
  }

  #dropOldest(): void {
    for (const [header, values] of this.#values) {
      for (const value of values) {
        values.delete(value)
        this.#size--
        if (values.size === 0) this.#values.delete(header)
        return
      }
    }
  }
}
