import type { Ms } from '../../lib/time.js'

/**
 * What a session and the thread that renews its leases tell each other without waiting for each other: up to when its tokens are
 * certainly its own (D25), and whether others can see what it consumes (H77).
 */
export class LeaseTrust {
  readonly memory: SharedArrayBuffer
  readonly #cells: BigInt64Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cells = new BigInt64Array(memory)
  }

  /** By the keeper's clock; 0: it has not begun. */
  get until(): Ms {
    return Number(Atomics.load(this.#cells, 0))
  }

  set until(until: Ms) {
    Atomics.store(this.#cells, 0, BigInt(Math.floor(until)))
  }

  get entered(): boolean {
    return Atomics.load(this.#cells, 1) === 1n
  }

  set entered(entered: boolean) {
    Atomics.store(this.#cells, 1, entered ? 1n : 0n)
  }
}
