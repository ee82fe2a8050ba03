import type { Broker } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import type { EventDispatcher } from '../events/event-dispatcher.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { dial } from './dial.js'
import type { EventWire } from './event-wire.js'

export interface EventLineParts {
  readonly runtime: Runtime
  readonly name: string
  readonly connectTimeout: Ms | undefined
  readonly dispatcher: EventDispatcher
  readonly wire: EventWire
  broker(): Promise<Broker>
}

const RECONNECT: BackoffRule = { first: 100, cap: 5000 }
/** How long a closing app waits for the connection over which its last events would go. */
const LAST_CHANCE: Ms = 2000

/**
 * A client's connection for events, apart from that for tasks: telling what was sent must not hold up what is sent. Made when
 * it is constructed, made again whenever it is lost, until disposed. Events wait in the dispatcher meanwhile.
 */
export class EventLine implements AsyncDisposable {
  readonly #parts: EventLineParts
  readonly #stop = deferred<void>()
  readonly #abort = new AbortController()
  readonly #loop: Promise<void>
  #stopped: Promise<void> | undefined

  constructor(parts: EventLineParts) {
    this.#parts = parts
    this.#loop = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#close()
    await this.#stopped
  }

  async #close(): Promise<void> {
    this.#stop.resolve()
    const { clock } = this.#parts.runtime
    using _timer = clock.timer(LAST_CHANCE, () => this.#abort.abort(new Error('the app is closed')))
    if (this.#parts.dispatcher.waiting === 0) this.#abort.abort(new Error('the app is closed'))
    await this.#loop
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { clock, random, log } = this.#parts.runtime
    const { signal } = this.#abort
    let stopped = false
    void this.#stop.promise.then(() => {
      stopped = true
    })
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        if (await this.#connected()) failures = 0
      } catch (error) {
        if (signal.aborted) return
        log.debug(`Events wait for a connection: ${String(error)}`)
        // No waiting mends it: they are dropped when there are too many, and nobody's task suffers.
        if (!(error instanceof BrokerError) || !error.transient) return
      }
      if (stopped && this.#parts.dispatcher.waiting === 0) return
      await clock.sleep(backoff(failures, RECONNECT, random), signal).catch(() => undefined)
    }
  }

  /** One connection's life; true when events could be sent. */
  async #connected(): Promise<boolean> {
    const { broker: open, dispatcher, wire } = this.#parts
    const broker = await open()
    await using connection = await dial(broker, this.#parts, this.#abort.signal)
    await using _attached = dispatcher.attach(connection, wire.exchange(broker.features))
    await Promise.race([connection.closed, this.#stop.promise])
    return true
  }
}
