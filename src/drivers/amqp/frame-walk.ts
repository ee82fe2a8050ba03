/** `AMQP`, 0, 0, 9, 1: what a client says before its first frame. */
const GREETING = 8
/** Type, channel, size. */
const HEADER = 7
/** `connection.tune-ok` as a whole frame without its end: header, class 10, method 31, limits, heartbeat. */
const TUNE_OK = HEADER + 12

/**
 * Follows the frames of what a client sends, fed in pieces of any size. It knows where a frame ends, which is where another
 * may be put between, and overhears the heartbeat that was agreed upon.
 */
export class FrameWalk {
  readonly #head = new Uint8Array(TUNE_OK)
  readonly #view = new DataView(this.#head.buffer)
  /** Bytes of the present frame that stand in `#head`. */
  #have = 0
  /** Bytes to go until the next frame begins, once the present one's size is known. */
  #left = GREETING
  #heartbeat: number | undefined

  /** Nothing of a frame is outstanding. */
  get between(): boolean {
    return this.#have === 0 && this.#left === 0
  }

  /** Seconds; 0 = none; undefined until the client has told the server. */
  get heartbeat(): number | undefined {
    return this.#heartbeat
  }

  feed(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at)
        this.#left -= step
        at += step
      } else {
        this.#head[this.#have++] = bytes[at++] as number
        if (this.#have === this.#wanted()) this.#known()
      }
    }
  }

  /** How much of this frame is looked at. */
  #wanted(): number {
    if (this.#have < HEADER || this.#heartbeat !== undefined) return HEADER
    return this.#size() === TUNE_OK - HEADER ? TUNE_OK : HEADER
  }

  #known(): void {
    // The frame's last byte is its end mark.
    this.#left = HEADER + this.#size() + 1 - this.#have
    if (this.#have === TUNE_OK) this.#overhear()
    this.#have = 0
  }

  #size(): number {
    return this.#view.getUint32(3)
  }

  #overhear(): void {
    const isMethod = this.#view.getUint8(0) === 1
    if (isMethod && this.#view.getUint32(HEADER) === 0x000a_001f) this.#heartbeat = this.#view.getUint16(TUNE_OK - 2)
  }
}
