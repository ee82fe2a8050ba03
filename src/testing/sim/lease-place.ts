import type { Broker, Connection } from '../../brokers/broker.js'
import { createMemoryBroker } from '../../brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../brokers/memory/memory-queue-store.js'
import { MemorySession, type Sweepable } from '../../brokers/memory/memory-session.js'
import type { QueueStore, StoreSession } from '../../brokers/virtual/queue-store.js'
import { createVirtualBroker } from '../../brokers/virtual/virtual-broker.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { Ledger, type LedgerMessage } from './ledger.js'
import { linkedQueueStore } from './linked-queue-store.js'
import type { Quirks } from './quirks.js'
import { quirkyStore } from './quirky-store.js'
import type { SimLink } from './sim-link.js'
import type { SimPlace } from './sim-place.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'
import { WitnessedSession } from './witnessed-session.js'

export interface LeasePlaceOptions {
  /** Default 2 s and 0.5 s. */
  readonly leaseMs?: Ms
  readonly renewMs?: Ms
  readonly quirks?: Quirks | undefined
}

/** Whoever waits for a delayed message hears of each step of the date, so need not look. Each look is a journey there and back, and another. */
const LOOK_AGAIN: Ms = 86_400_000

/**
 * The `lease-like` broker (reliability §13.4): the real code of `brokers/virtual/` in each process, the real memory store
 * in the world, its verbs travelling between them. A process that is gone without a word loses its lease in time.
 */
export class LeasePlace implements SimPlace {
  readonly ledger: Ledger
  readonly #world: SimWorld
  readonly #store: MemoryQueueStore
  readonly #quirks: Quirks | undefined
  readonly #leaseMs: Ms
  #copies = 0

  constructor(world: SimWorld, { leaseMs = 2000, renewMs = 500, quirks }: LeasePlaceOptions = {}) {
    this.#quirks = quirks
    this.#world = world
    this.#leaseMs = leaseMs
    this.#store = new MemoryQueueStore(world.runtime, {
      ...{ leaseMs, renewMs, lookAgainMs: LOOK_AGAIN },
      sweep: (store, clock) => this.#sweep(store, clock),
    })
    world.onStep(() => this.#store.dateChanged())
    this.ledger = new Ledger(() => world.now, leaseMs)
  }

  reach(process: SimProcess, link: SimLink): Broker {
    const { features } = createMemoryBroker({ runtime: this.#world.runtime })
    const drop = (session: StoreSession): void => {
      if (session instanceof WitnessedSession) session.drop()
    }
    const store = linkedQueueStore(link, this.#seenBy(process), { drop })
    return createVirtualBroker({
      ...{ url: 'memory://', features, runtime: process.runtime },
      store: quirkyStore(store, this.#quirks),
    })
  }

  observe(): Promise<Connection> {
    return createMemoryBroker({ runtime: this.#world.runtime, store: this.#store }).connect({ name: 'observer' })
  }

  /** The broker delivers a message once more than it was published (F42). */
  async duplicate({ message, queue }: LedgerMessage): Promise<void> {
    const copy = { ...message }
    const publishId = `copy-${++this.#copies}`
    const session = await this.#store.open({ name: 'copier' })
    this.ledger.pushed(copy, queue, publishId, 'broker', true)
    await session.push([{ message: copy, to: { exchange: '', routingKey: queue }, publishId, notBefore: undefined }])
    await session[Symbol.asyncDispose]()
  }

  #sweep(store: Sweepable, clock: Clock): void {
    for (const holder of store.expired()) {
      const takeBack = (): void => {
        const rival = holder.dead
        if (!store.takeBack(holder) && rival) this.ledger.rivals++
      }
      if (this.#quirks?.maybe('slow-sweep') !== true) takeBack()
      else clock.timer(this.#quirks.amount('slow-sweep', this.#leaseMs), takeBack)
    }
  }

  #seenBy(process: SimProcess): QueueStore {
    const inner = this.#store.seenBy(process.runtime)
    return {
      open: async holder => {
        const session = await inner.open(holder)
        const abandon = (): void => {
          if (session instanceof MemorySession) session.freeze()
        }
        return new WitnessedSession(session, { ledger: this.ledger, name: holder.name, process, abandon })
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }
  }
}
