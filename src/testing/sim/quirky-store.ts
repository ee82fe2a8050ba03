import type { Claimed, QueueStore, StoreSession } from '../../brokers/virtual/queue-store.js'
import type { SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import { ForwardingSession } from './forwarding-session.js'
import type { Quirks } from './quirks.js'

/** A queue store that makes use of everything that its port allows. Without quirks it is the store itself. */
export function quirkyStore(store: QueueStore, quirks: Quirks | undefined): QueueStore {
  if (quirks === undefined) return store
  return {
    open: async (holder, signal) => new QuirkySession(await store.open(holder, signal), quirks),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

class QuirkySession extends ForwardingSession {
  readonly #quirks: Quirks

  constructor(inner: StoreSession, quirks: Quirks) {
    super(inner)
    this.#quirks = quirks
  }

  override async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    if (this.#quirks.maybe('empty-claim')) return []
    return this.inner.claim(queues, limit > 1 && this.#quirks.maybe('short-claim') ? 1 : limit)
  }

  override async wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (!this.#quirks.maybe('spurious-wake')) await this.inner.wake(queues, signal)
  }

  override trustedUntil(): SteadyMs {
    return this.#quirks.maybe('early-doubt') ? 0 : this.inner.trustedUntil()
  }
}
