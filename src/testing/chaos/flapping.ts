import type { Random } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'

export interface FlapOptions {
  /** Shortest and longest time that connections work, ms. Default 1–3 s. */
  readonly up?: readonly [Ms, Ms]
  /** Shortest and longest time that they do not, ms. Default 1–3 s. */
  readonly down?: readonly [Ms, Ms]
  /** What "down" is. Default `refuse`. */
  readonly how?: 'refuse' | 'blackhole'
}

interface Switch {
  down(): Promise<void>
  up(): Promise<void>
}

const USUAL: readonly [Ms, Ms] = [1000, 3000]

/** Goes down and up again, at random intervals, until it is told to end. */
export class Flapping {
  readonly #options: FlapOptions
  readonly #random: Random
  readonly #switch: Switch
  readonly #running: Promise<void>
  #timer: NodeJS.Timeout | undefined
  #ring: (() => void) | undefined
  #ended = false

  constructor(options: FlapOptions, random: Random, change: Switch) {
    this.#options = options
    this.#random = random
    this.#switch = change
    this.#running = this.#run()
  }

  async end(): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#ring?.()
    await this.#running
  }

  async #run(): Promise<void> {
    const { up = USUAL, down = USUAL } = this.#options
    while (!this.#ended) {
      await this.#pause(up)
      if (this.#ended) return
      await this.#switch.down()
      await this.#pause(down)
      await this.#switch.up()
    }
  }

  async #pause([least, most]: readonly [Ms, Ms]): Promise<void> {
    if (this.#ended) return
    await new Promise<void>(resolve => {
      this.#ring = resolve
      this.#timer = setTimeout(resolve, least + (most - least) * this.#random.next())
    })
  }
}
