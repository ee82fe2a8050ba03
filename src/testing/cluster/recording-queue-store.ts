import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../../brokers/broker.js'
import type { LimitAnswer, LimitRequest } from '../../brokers/limits/limit-store.js'
import type {
  Claimed,
  PushEntry,
  PushOutcome,
  QueueStore,
  StoreSession,
  Token,
  Verdict,
} from '../../brokers/virtual/queue-store.js'
import {
  addTopology,
  createRoutingTable,
  type RoutingTable,
  route,
  topologyParts,
} from '../../brokers/virtual/routing.js'
import type { SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'

export interface Recording {
  /** Routes of the store, followed from outside. */
  readonly table: RoutingTable
  /** Delivered as if an earlier delivery had ended in a fault. */
  readonly redelivered: WeakSet<Message>
  published(entry: PushEntry, queue: string): void
}

export function newRecording(published: Recording['published']): Recording {
  return { table: createRoutingTable(), redelivered: new WeakSet(), published }
}

/** A queue store that tells of every message that was accepted. */
export function recordingQueueStore(store: QueueStore, recording: Recording): QueueStore {
  return {
    open: async (holder, signal) => new RecordingSession(await store.open(holder, signal), recording),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

export class RecordingSession implements StoreSession {
  readonly inner: StoreSession
  readonly #recording: Recording

  constructor(inner: StoreSession, recording: Recording) {
    this.inner = inner
    this.#recording = recording
  }

  get closed(): Promise<CloseReason> {
    return this.inner.closed
  }

  async declare(topology: Topology): Promise<void> {
    await this.inner.declare(topology)
    addTopology(this.#recording.table, topologyParts(topology))
  }

  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    const outcomes = await this.inner.push(entries)
    entries.forEach((entry, i) => {
      if (outcomes[i]?.kind !== 'accepted') return
      const [queue = ''] = route(this.#recording.table, entry.to.exchange, entry.to.routingKey)
      this.#recording.published(entry, queue)
    })
    return outcomes
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const claimed = await this.inner.claim(queues, limit)
    return claimed.map(one =>
      this.#recording.redelivered.has(one.message) ? { ...one, redelivered: true, faults: one.faults + 1 } : one,
    )
  }

  settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    return this.inner.settle(verdicts)
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.inner.current(tokens)
  }

  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    return this.inner.wake(queues, signal)
  }

  trustedUntil(): SteadyMs {
    return this.inner.trustedUntil()
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.inner.stats(queue)
  }

  list(): Promise<readonly QueueStats[]> {
    return this.inner.list()
  }

  bindings(): Promise<readonly Binding[]> {
    return this.inner.bindings()
  }

  async weigh(queue: QueueName): Promise<number | undefined> {
    return this.inner.weigh?.(queue)
  }

  purge(queue: QueueName): Promise<number> {
    return this.inner.purge(queue)
  }

  async limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return (await this.inner.limit?.(request)) ?? []
  }

  consuming(queues: readonly QueueName[]): Promise<void> {
    return this.inner.consuming(queues)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]()
  }
}
