import type { CloseReason, QueueStats, Settled, Topology } from '../../brokers/broker.js'
import type { LimitAnswer, LimitRequest } from '../../brokers/limits/limit-store.js'
import type {
  Claimed,
  PushEntry,
  PushOutcome,
  StoreSession,
  Token,
  Verdict,
} from '../../brokers/virtual/queue-store.js'
import type { SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'

/**
 * A session that hands every verb on; who stands between a broker and its store overrides those it cares for. It leaves out
 * `claimDelayed`: delayed messages stay where they are.
 */
export class ForwardingSession implements StoreSession {
  protected readonly inner: StoreSession

  constructor(inner: StoreSession) {
    this.inner = inner
  }

  get closed(): Promise<CloseReason> {
    return this.inner.closed
  }

  declare(topology: Topology): Promise<void> {
    return this.inner.declare(topology)
  }

  push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    return this.inner.push(entries)
  }

  claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    return this.inner.claim(queues, limit)
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

  bindings(): ReturnType<StoreSession['bindings']> {
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

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.inner[Symbol.asyncDispose]()
  }
}
