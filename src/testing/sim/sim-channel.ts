import type { Ms } from '../../lib/time.js'
import type { SimClock } from './sim-clock.js'
import { SimPipe } from './sim-pipe.js'
import type { SimProcess } from './sim-process.js'
import type { SimRandom } from './sim-random.js'

/**
 * What shall become of a call. `balk`: given up before anything was sent, the connection stays. `lose-request`: cut before it is applied; `lose-answer`: cut after it was applied;
 * `crash-before`, `crash-after`: the calling process dies at that point.
 */
export type CallFate = 'pass' | 'balk' | 'lose-request' | 'lose-answer' | 'crash-before' | 'crash-after'

export interface SimCall {
  readonly process: string
  /** Name of the link. */
  readonly place: string
  /** The verb, e.g. `push` or `store`. */
  readonly verb: string
  /** How many calls the link has carried before this one. */
  readonly index: number
}

export interface ChannelOptions {
  readonly clock: SimClock
  readonly process: SimProcess
  readonly random: SimRandom
  readonly delay: () => Ms
  readonly trace: (kind: string, detail: string) => void
  /** Asked once per call. */
  readonly fate: (verb: string) => CallFate
  /** The error of a call that finds the channel lost (`sent: false`) or loses it (`sent: true`). */
  readonly trouble: (verb: string, sent: boolean) => Error
  /** Both ends know that it is over. */
  readonly over: () => void
}

/** A channel that this process lost or closed; a dead process's promises just stay open. */
type Ending = 'open' | 'closed' | 'lost' | 'dead'

/**
 * One connection between a process and a place: requests travel there in order, answers and pushes travel back in
 * order, each after a delay drawn from the seed. When the connection is cut or the process dies, a prefix of what was
 * under way still arrives (how long, the seed decides); then the place notices.
 */
export class SimChannel {
  readonly #options: ChannelOptions
  readonly #there: SimPipe
  readonly #back: SimPipe
  /** What the process waits for: how to reject it, and its verb. */
  readonly #pending = new Map<(error: Error) => void, string>()
  readonly #mourning: Disposable
  #ending: Ending = 'open'
  /** Requests under way that still arrive after the end. */
  #survivors = 0
  #gone = false
  #onLost: (() => void)[] = []
  #onGone: (() => void)[] = []

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#there = new SimPipe(options.clock, options.delay)
    this.#back = new SimPipe(options.clock, options.delay)
    this.#mourning = options.process.onDeath(() => this.#end('dead'))
  }

  get open(): boolean {
    return this.#ending === 'open'
  }

  /** The process hears of a loss it did not ask for. */
  onLost(listener: () => void): void {
    this.#onLost.push(listener)
  }

  /** The place notices that nobody is there any more: closed, cut, or dead. At once when it has noticed already. */
  onGone(listener: () => void): void {
    if (this.#gone) listener()
    else this.#onGone.push(listener)
  }

  /** Applies `apply` at the place and answers what it answers. */
  call<T>(verb: string, apply: () => T | PromiseLike<T>): Promise<T> {
    const { process, trouble } = this.#options
    if (!process.alive) return new Promise(() => {})
    if (this.#ending !== 'open') return Promise.reject(trouble(verb, false))
    const fate = this.#options.fate(verb)
    if (fate === 'balk') return Promise.reject(trouble(verb, false))
    if (fate === 'crash-before') {
      process.kill()
      return new Promise(() => {})
    }
    if (fate === 'lose-request') {
      const lost = trouble(verb, true)
      this.cut()
      return Promise.reject(lost)
    }
    return new Promise((resolve, reject) => {
      this.#pending.set(reject, verb)
      this.#options.trace('call', verb)
      this.#there.send(() => {
        if (this.#isSevered()) return
        this.#options.trace('apply', verb)
        void settled(apply).then(outcome => this.#answer(verb, fate, outcome, resolve, reject))
      })
    })
  }

  /** From the place to the process, unasked. */
  push(what: string, act: () => void): void {
    if (this.#ending !== 'open') return
    this.#back.send(() => {
      if (this.#ending !== 'open') return
      this.#options.trace('push', what)
      this.#options.process.deliver(() => {
        if (this.#ending === 'open') act()
      })
    })
  }

  /** The connection breaks: the process hears of it at once, what it still waits for rejects; the place hears of it soon. */
  cut(): void {
    this.#end('lost')
    this.release()
  }

  /** The process closes it; what is under way still arrives. */
  close(): void {
    this.#end('closed')
  }

  /** Nothing passes in either direction, and nobody is told. */
  hold(): void {
    this.#there.hold()
    this.#back.hold()
  }

  release(): void {
    this.#there.release()
    this.#back.release()
  }

  #answer<T>(
    verb: string,
    fate: CallFate,
    outcome: Settlement<T>,
    resolve: (value: T) => void,
    reject: (error: Error) => void,
  ): void {
    if (fate === 'crash-after') this.#options.process.kill()
    if (fate === 'lose-answer') this.cut()
    if (this.#ending !== 'open') return
    this.#back.send(() => {
      this.#options.process.deliver(() => {
        if (!this.#pending.delete(reject)) return
        this.#options.trace(outcome.kind === 'value' ? 'answer' : 'refusal', verb)
        if (outcome.kind === 'value') resolve(outcome.value)
        else reject(outcome.error)
      })
    })
  }

  #end(how: Ending): void {
    if (this.#ending !== 'open') return
    this.#ending = how
    this.#mourning[Symbol.dispose]()
    if (how !== 'closed') this.#options.trace('cut', how)
    this.#survivors = this.#options.random.int(0, this.#there.size)
    this.#there.send(() => this.#noticed())
    if (how === 'dead') return
    this.#options.process.deliver(() => this.#failPending(how))
  }

  #noticed(): void {
    this.#gone = true
    this.#options.over()
    this.#options.trace('gone', '')
    const listeners = this.#onGone
    this.#onGone = []
    for (const listener of listeners) listener()
  }

  #failPending(how: Ending): void {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const [reject, verb] of pending) reject(this.#options.trouble(verb, true))
    const listeners = how === 'lost' ? this.#onLost : []
    this.#onLost = []
    for (const listener of listeners) listener()
  }

  /** After a cut or a death only so many of the requests under way arrive as the seed said then. */
  #isSevered(): boolean {
    if (this.#ending !== 'lost' && this.#ending !== 'dead') return false
    return this.#survivors-- <= 0
  }
}

type Settlement<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'error'; readonly error: Error }

async function settled<T>(act: () => T | PromiseLike<T>): Promise<Settlement<T>> {
  try {
    return { kind: 'value', value: await act() }
  } catch (error) {
    return { kind: 'error', error: error instanceof Error ? error : new Error(String(error)) }
  }
}
