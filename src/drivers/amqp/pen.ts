/** Nobody writes. */
const FREE = 0
/** Its owner does: from handing bytes to the system until it has all of them. */
const OWNER = 1
/** The thread does, which takes microseconds. */
const THREAD = 2
/** The socket is closing: its descriptor may be somebody else's soon. */
const BROKEN = 3

const HOLDER = 0
const TURNS = 1

/** How long whoever waits sleeps between two looks, ms. */
const NAP = 1

/**
 * Who may write to a socket that two threads have: at any time one of them, or nobody. Bytes of two writes never mix, and a
 * closed socket's descriptor is not touched.
 */
export class Pen {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  /** How often the owner has taken it. */
  get turns(): number {
    return Atomics.load(this.#cells, TURNS)
  }

  /** The owner's; waits for the thread. False when it is broken. */
  take(): boolean {
    Atomics.add(this.#cells, TURNS, 1)
    return this.#seize(OWNER)
  }

  /** The owner's. */
  put(): void {
    Atomics.compareExchange(this.#cells, HOLDER, OWNER, FREE)
  }

  /** The owner's, before its socket closes: nobody gets it any more. */
  break(): void {
    this.#seize(BROKEN)
  }

  /** The thread's: writes unless the owner does. `write` says whether more can be written after it; else it breaks. */
  borrow(write: () => boolean): void {
    if (Atomics.compareExchange(this.#cells, HOLDER, FREE, THREAD) !== FREE) return
    const whole = write()
    Atomics.store(this.#cells, HOLDER, whole ? FREE : BROKEN)
    Atomics.notify(this.#cells, HOLDER)
  }

  /** The thread's, while it has it. */
  nap(): void {
    Atomics.wait(this.#cells, HOLDER, THREAD, NAP)
  }

  #seize(as: typeof OWNER | typeof BROKEN): boolean {
    for (;;) {
      const held = Atomics.load(this.#cells, HOLDER)
      if (held === BROKEN) return false
      if (held === THREAD) this.nap()
      else if (Atomics.compareExchange(this.#cells, HOLDER, held, as) === held) return true
    }
  }
}
