import type { Outbox, OutboxMessage } from '../brokers/outbox/outbox.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'

export interface OutboxRelayOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  outbox(): Promise<Outbox>
  /** Resolves when the broker has it. */
  publish(message: OutboxMessage): Promise<void>
}

const TAKE = 100
/** Longer than any publish may take: after it another relay may have them. */
const LEASE: Ms = 60_000
/** Looks again after this: soon after something was put or found, ever more seldom then. */
const PAUSE_FIRST: Ms = 5
const PAUSE_LAST: Ms = 1000
/** How long whoever put something looks for it: its transaction may take its time, or be rolled back. */
const EXPECT: Ms = 10_000
/** A message that could not be published is left alone for this, doubling. */
const AGAIN_FIRST: Ms = 1000
const AGAIN_LAST: Ms = 60_000

/**
 * Publishes what stands in an outbox, in the order in which it was put there. It runs for a while after this app has put
 * something, and all the time in workers and in `lovage outbox`; any number may run beside each other.
 */
export class OutboxRelay implements AsyncDisposable {
  readonly #options: OutboxRelayOptions
  readonly #stop = new AbortController()
  /** Why it runs beyond `#until`. */
  readonly #reasons = new Set<object>()
  #until: SteadyMs = 0
  #pause: Ms = PAUSE_FIRST
  #running: Promise<void> | undefined
  #nap: AbortController | undefined

  constructor(options: OutboxRelayOptions) {
    this.#options = options
  }

  /** Something has just been put, and will be there when its transaction commits. */
  expect(): void {
    this.#goOn(this.#options.runtime.clock.steady() + EXPECT)
  }

  /** From now on, until what it gives is disposed. */
  start(): Disposable {
    const reason = {}
    this.#reasons.add(reason)
    this.#goOn(0)
    return { [Symbol.dispose]: () => void this.#reasons.delete(reason) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #goOn(until: SteadyMs): void {
    this.#until = Math.max(this.#until, until)
    this.#pause = PAUSE_FIRST
    this.#nap?.abort()
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async #run(): Promise<void> {
    const { clock } = this.#options.runtime
    while (!this.#stop.signal.aborted && (this.#reasons.size > 0 || clock.steady() < this.#until)) {
      if (await this.#relaySome()) this.#pause = PAUSE_FIRST
      else await this.#rest()
    }
  }

  async #rest(): Promise<void> {
    const nap = new AbortController()
    this.#nap = nap
    const pause = this.#pause
    this.#pause = Math.min(pause * 1.5, PAUSE_LAST)
    const signal = AbortSignal.any([nap.signal, this.#stop.signal])
    await this.#options.runtime.clock.sleep(pause, signal).catch(() => undefined)
    this.#nap = undefined
  }

  /** False when there was nothing, or the outbox cannot be asked. */
  async #relaySome(): Promise<boolean> {
    try {
      const outbox = await this.#options.outbox()
      const messages = await outbox.take(TAKE, LEASE)
      if (messages.length === 0) return false
      await this.#relay(outbox, messages)
      return true
    } catch (error) {
      this.#pause = PAUSE_LAST
      this.#options.runtime.log.warning(`The outbox cannot be read: ${textOf(error)}`)
      return false
    }
  }

  async #relay(outbox: Outbox, messages: readonly OutboxMessage[]): Promise<void> {
    const outcomes = await Promise.allSettled(messages.map(message => this.#options.publish(message)))
    const sent = messages.filter((_, i) => outcomes[i]?.status === 'fulfilled')
    if (sent.length > 0) await outbox.done(sent.map(message => message.id))
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue
      const { id, tries, publishId } = messages[i] as OutboxMessage
      const pause = Math.min(AGAIN_FIRST * 2 ** Math.min(tries - 1, 20), AGAIN_LAST)
      await outbox.postpone([id], pause)
      this.#options.runtime.log.error(
        `A message in the outbox was not sent, and is tried again in ${pause / 1000} s: ${textOf(outcome.reason)}`,
        { publishId, tries },
      )
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
