import type { Broker, CloseReason, Connection, QueueStats, Settled, Topology } from '../../brokers/broker.js'
import { createMemoryBroker } from '../../brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../brokers/memory/memory-queue-store.js'
import { MemorySession } from '../../brokers/memory/memory-session.js'
import type {
  Claimed,
  PushEntry,
  PushOutcome,
  QueueStore,
  StoreSession,
  Token,
  Verdict,
} from '../../brokers/virtual/queue-store.js'
import { createVirtualBroker } from '../../brokers/virtual/virtual-broker.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import { Ledger, type LedgerMessage, type LedgerSession } from './ledger.js'
import { linkedQueueStore } from './linked-queue-store.js'
import type { SimLink } from './sim-link.js'
import type { SimPlace } from './sim-place.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'

export interface LeasePlaceOptions {
  /** Default 2 s and 0.5 s. */
  readonly leaseMs?: Ms
  readonly renewMs?: Ms
}

/**
 * The `lease-like` broker (reliability §13.4): the real code of `brokers/virtual/` in each process, the real memory store
 * in the world, its verbs travelling between them. A process that is gone without a word loses its lease in time.
 */
export class LeasePlace implements SimPlace {
  readonly ledger: Ledger
  readonly #world: SimWorld
  readonly #store: MemoryQueueStore
  #copies = 0

  constructor(world: SimWorld, { leaseMs = 2000, renewMs = 500 }: LeasePlaceOptions = {}) {
    this.#world = world
    this.#store = new MemoryQueueStore(world.runtime, { leaseMs, renewMs })
    this.ledger = new Ledger(() => world.now, leaseMs)
  }

  reach(process: SimProcess, link: SimLink): Broker {
    const { features } = createMemoryBroker({ runtime: this.#world.runtime })
    const drop = (session: StoreSession): void => {
      if (session instanceof WitnessedSession) session.drop()
    }
    const store = linkedQueueStore(link, this.#seenBy(process), { drop })
    return createVirtualBroker({ url: 'memory://', store, features, runtime: process.runtime })
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

  #seenBy(process: SimProcess): QueueStore {
    const inner = this.#store.seenBy(process.runtime)
    return {
      open: async holder => new WitnessedSession(await inner.open(holder), this.ledger, holder.name, process),
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }
  }
}

/** A session whose every verb is written into the ledger. */
class WitnessedSession implements StoreSession {
  readonly #inner: StoreSession
  readonly #ledger: Ledger
  readonly #seen: LedgerSession

  constructor(inner: StoreSession, ledger: Ledger, name: string, process: SimProcess) {
    this.#inner = inner
    this.#ledger = ledger
    this.#seen = ledger.opened(name, process)
    void inner.closed.then(reason => ledger.gone(this.#seen, reason.kind))
  }

  get closed(): Promise<CloseReason> {
    return this.#inner.closed
  }

  /** Its process is gone without a word: the lease runs out. */
  drop(): void {
    this.#ledger.gone(this.#seen, 'lost')
    if (this.#inner instanceof MemorySession) this.#inner.freeze()
  }

  declare(topology: Topology): Promise<void> {
    return this.#inner.declare(topology)
  }

  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    // A publish that is tried again brings the same object: each becomes a message of its own.
    const own = entries.map(entry => ({ ...entry, message: { ...entry.message } }))
    const outcomes = await this.#inner.push(own)
    for (const [i, entry] of own.entries()) {
      if (outcomes[i]?.kind !== 'accepted') continue
      this.#ledger.pushed(entry.message, entry.to.routingKey as QueueName, entry.publishId, this.#seen.name)
    }
    return outcomes
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const claimed = await this.#inner.claim(queues, limit)
    for (const one of claimed) this.#ledger.claimed(this.#seen, one.message, one)
    return claimed
  }

  async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const answers = await this.#inner.settle(verdicts)
    for (const [i, verdict] of verdicts.entries()) {
      this.#ledger.settled(this.#seen, verdict.token, verdict, answers[i] ?? 'stale')
    }
    return answers
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#inner.current(tokens)
  }

  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    return this.#inner.wake(queues, signal)
  }

  trustedUntil(): SteadyMs {
    return this.#inner.trustedUntil()
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#inner.stats(queue)
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#inner.list()
  }

  bindings(): ReturnType<StoreSession['bindings']> {
    return this.#inner.bindings()
  }

  purge(queue: QueueName): Promise<number> {
    return this.#inner.purge(queue)
  }

  consuming(queues: readonly QueueName[]): Promise<void> {
    return this.#inner.consuming(queues)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A swept session has nothing left to give back; the ledger hears of that from the next claim.
    if (this.#seen.goneAt === undefined) this.#ledger.returned(this.#seen, false)
    this.#ledger.gone(this.#seen, 'closed')
    await this.#inner[Symbol.asyncDispose]()
  }
}
