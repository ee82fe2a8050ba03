import type { Arrival } from '../backend.js'

/** `Arrival` with the parts still encoded. */
export type CountedArrival = Exclude<Arrival, { readonly kind: 'complete' }> | CompleteChord

interface CompleteChord {
  readonly kind: 'complete'
  readonly parts: readonly Uint8Array[]
}

interface Part {
  readonly index: number | undefined
  readonly taskId: string
  readonly meta: Uint8Array
}

const WAITING: CountedArrival = { kind: 'waiting' }
const CLOSED: CountedArrival = { kind: 'closed' }

/**
 * The parts of one chord. Modes: counting → complete → closed.
 *
 * While it counts, a part that comes again replaces what it said before (D70). From the moment that the last one is
 * there nothing changes any more: every further arrival hears the same parts until `close`, so that a body which is
 * published twice is published with the same bytes (D41, D71).
 */
export class ChordCount {
  #size: number | undefined
  /** By index, or by task id where the sender gave none, and of what was added; in order of arrival. */
  #parts = new Map<number | string, Part>()
  #complete: CompleteChord | undefined
  #closed = false
  /** Tasks that came in addition; each is a part of its own. */
  readonly #added = new Set<string>()

  setSize(size: number): void {
    this.#size = size
  }

  get hasSize(): boolean {
    return this.#size !== undefined
  }

  get size(): number {
    return (this.#size ?? 0) + this.#added.size
  }

  /** False: it can grow no more. */
  add(taskIds: readonly string[]): boolean {
    if (this.#closed) return false
    if (this.#complete !== undefined) return taskIds.every(id => this.#added.has(id))
    for (const id of taskIds) this.#added.add(id)
    return true
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** All parts, when they are there. */
  get complete(): readonly Uint8Array[] | undefined {
    return this.#complete?.parts
  }

  /** Of parts that are there, as long as others are missing. */
  get arrived(): readonly string[] {
    return [...this.#parts.values()].map(({ taskId }) => taskId)
  }

  arrive(index: number | undefined, taskId: string, meta: Uint8Array): CountedArrival {
    if (this.#closed) return CLOSED
    if (this.#complete !== undefined) return this.#complete
    this.#parts.set(this.#added.has(taskId) ? taskId : (index ?? taskId), { index, taskId, meta })
    if (this.#size === undefined || this.#parts.size < this.size) return WAITING
    this.#complete = { kind: 'complete', parts: inOrder([...this.#parts.values()]) }
    this.#parts = new Map()
    return this.#complete
  }

  close(): void {
    this.#closed = true
    this.#complete = undefined
    this.#parts = new Map()
    this.#added.clear()
  }
}

/** By index; parts without one follow, in order of arrival. */
function inOrder(parts: Part[]): readonly Uint8Array[] {
  return parts.sort((a, b) => (a.index ?? Infinity) - (b.index ?? Infinity) || 0).map(part => part.meta)
}
