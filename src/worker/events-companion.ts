import type { Connection, Exchange } from '../brokers/broker.js'
import type { EventDispatcher } from '../events/event-dispatcher.js'
import type { Companion } from './companion.js'
import type { Heartbeat } from './heartbeat.js'

/** Sends events over each connection: what was kept meanwhile, then heartbeats, where there are any. */
export class EventsCompanion implements Companion {
  readonly name = 'events'
  readonly #dispatcher: EventDispatcher
  readonly #exchange: Exchange
  readonly #heartbeat: Heartbeat | undefined

  constructor(dispatcher: EventDispatcher, exchange: Exchange, heartbeat: Heartbeat | undefined) {
    this.#dispatcher = dispatcher
    this.#exchange = exchange
    this.#heartbeat = heartbeat
  }

  async join(connection: Connection): Promise<AsyncDisposable> {
    const attached = this.#dispatcher.attach(connection, this.#exchange)
    this.#heartbeat?.start()
    return {
      [Symbol.asyncDispose]: async () => {
        this.#heartbeat?.stop()
        await attached[Symbol.asyncDispose]()
      },
    }
  }
}
