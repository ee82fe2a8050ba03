import { writeSync } from 'node:fs'
import type { ServiceFactory, ServiceWorld } from '../service-thread.js'
import { heartbeatFrame } from './heartbeat-frame.js'
import { Pen } from './pen.js'
import { grown, Pulse } from './pulse.js'

/*
 * The thread's side of a plain connection that is kept alive (kept-alive.ts): it does nothing but write a heartbeat into the
 * owner's socket when the owner has written nothing for half an interval.
 */

export interface HeartbeatConfig {
  /** Descriptor of the owner's socket. */
  readonly fd: number
  readonly pen: SharedArrayBuffer
  /** As agreed with the server. */
  readonly seconds: number
}

/** Naps, for the rest of a heartbeat of which the system took a part: as good as never. */
const TRIES = 1000

export const service: ServiceFactory<HeartbeatConfig> = (config, world) => new HeartbeatService(config, world)

class HeartbeatService implements AsyncDisposable {
  readonly #fd: number
  readonly #pen: Pen
  readonly #pulse: Pulse

  constructor({ fd, pen, seconds }: HeartbeatConfig, { clock }: ServiceWorld) {
    this.#fd = fd
    this.#pen = new Pen(pen)
    this.#pulse = new Pulse({
      clock,
      interval: seconds * 1000,
      sent: grown(() => this.#pen.turns),
      beat: () => this.#pen.borrow(() => this.#beat()),
      // Its owner, who reads, judges whether the server is there.
      heard: () => true,
      silent: () => undefined,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pulse[Symbol.dispose]()
  }

  /** False when a heartbeat was begun and cannot be ended: what follows it would be read wrongly. */
  #beat(): boolean {
    const frame = heartbeatFrame()
    let written = this.#write(frame)
    // A full socket needs no heartbeat.
    for (let tries = 0; written > 0 && written < frame.length; tries++) {
      if (tries === TRIES) return false
      this.#pen.nap()
      written += this.#write(frame.subarray(written))
    }
    return true
  }

  /** How many bytes the system took. */
  #write(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes)
    } catch {
      // Full; or broken, which its owner hears of.
      return 0
    }
  }
}
