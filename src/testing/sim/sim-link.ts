import type { Ms } from '../../lib/time.js'
import { type CallFate, type SimCall, SimChannel } from './sim-channel.js'
import type { SimClock } from './sim-clock.js'
import type { SimProcess } from './sim-process.js'
import type { SimRandom } from './sim-random.js'

export interface SimLinkOptions {
  /** Name of the other end: `broker`, `backend`, … */
  readonly place: string
  /** One way, drawn evenly from it for everything that travels. Default 0.2–2 ms. */
  readonly latency?: { readonly min: Ms; readonly max: Ms }
  /** Decides about single calls, for scripted faults and for crashing after each effect in turn. Default: all pass. */
  readonly fate?: (call: SimCall) => CallFate
}

/** What a link needs from its world. */
export interface SimLinkWorld {
  readonly clock: SimClock
  readonly random: SimRandom
  readonly trace: (kind: string, detail: string) => void
}

/**
 * The way from one process to one place, over which connections (`SimChannel`) are made.
 *
 * - open: connections can be made; what travels is late, in order, and arrives.
 * - cut: every connection broke, and none can be made, until `heal`.
 * - blackhole: nothing arrives in either direction and nobody is told, until `heal` (all arrives, late) or `cut`.
 */
export class SimLink {
  readonly process: SimProcess
  readonly place: string
  readonly #world: SimLinkWorld
  readonly #options: SimLinkOptions
  /** Those of which at least one end does not know yet that they are over. */
  readonly #channels = new Set<SimChannel>()
  readonly #armed: { readonly verb: string | undefined; readonly fate: CallFate }[] = []
  #state: 'open' | 'cut' | 'blackhole' = 'open'
  #calls = 0
  #slowness = 1

  constructor(process: SimProcess, world: SimLinkWorld, options: SimLinkOptions) {
    this.process = process
    this.place = options.place
    this.#world = world
    this.#options = options
  }

  /** Calls made so far. */
  get calls(): number {
    return this.#calls
  }

  /** Cut, or silent. */
  get down(): boolean {
    return this.#state !== 'open'
  }

  cut(): void {
    this.#world.trace('link', `${this.place} cut`)
    this.#state = 'cut'
    for (const channel of [...this.#channels]) channel.cut()
  }

  blackhole(): void {
    if (this.#state === 'cut') return
    this.#world.trace('link', `${this.place} blackhole`)
    this.#state = 'blackhole'
    for (const channel of this.#channels) channel.hold()
  }

  heal(): void {
    this.#world.trace('link', `${this.place} heal`)
    this.#state = 'open'
    for (const channel of this.#channels) channel.release()
  }

  /** Breaks the connections there are; new ones can be made at once. */
  reset(): void {
    this.#world.trace('link', `${this.place} reset`)
    for (const channel of [...this.#channels]) channel.cut()
  }

  /** Everything takes `factor` times as long from now on; 1 = as configured. */
  slow(factor: number): void {
    this.#world.trace('link', `${this.place} slow ${factor}`)
    this.#slowness = factor
  }

  /** The next call of the verb (absent: of any) meets this fate. */
  strike(fate: CallFate, verb?: string): void {
    this.#armed.push({ verb, fate })
  }

  /** Takes back what `strike` announced and has not happened. */
  disarm(): void {
    this.#armed.length = 0
  }

  /** A new connection. On a cut link it is lost from the start. */
  connect(trouble: (verb: string, sent: boolean) => Error): SimChannel {
    const channel = new SimChannel({
      clock: this.#world.clock,
      process: this.process,
      random: this.#world.random,
      delay: () => this.#delay(),
      trace: (kind, detail) => this.#world.trace(kind, detail === '' ? this.place : `${this.place} ${detail}`),
      fate: verb => this.#fate(verb),
      trouble,
      over: () => void this.#channels.delete(channel),
    })
    this.#channels.add(channel)
    if (this.#state === 'cut') channel.cut()
    if (this.#state === 'blackhole') channel.hold()
    return channel
  }

  #fate(verb: string): CallFate {
    const index = this.#calls++
    const at =
      this.#armed.length === 0 ? -1 : this.#armed.findIndex(armed => armed.verb === undefined || armed.verb === verb)
    if (at !== -1) {
      const [armed] = this.#armed.splice(at, 1)
      this.#world.trace('fate', `${this.place} ${verb} ${armed?.fate}`)
      return armed?.fate ?? 'pass'
    }
    return this.#options.fate?.({ process: this.process.name, place: this.place, verb, index }) ?? 'pass'
  }

  #delay(): Ms {
    const { min, max } = this.#options.latency ?? { min: 0.2, max: 2 }
    return this.#world.random.between(min, max) * this.#slowness
  }
}
