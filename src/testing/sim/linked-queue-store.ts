import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../../brokers/broker.js'
import { BrokerError, NotSentError, PublishUnknownError } from '../../brokers/errors.js'
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
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { SimChannel } from './sim-channel.js'
import type { SimLink } from './sim-link.js'
import { withSignal } from './with-signal.js'

export interface LinkedQueueStoreOptions {
  /**
   * What the store does with a session whose other end is gone without a word. Default: end it as if it had been closed.
   * A store with leases would let the lease run out instead.
   */
  readonly drop?: (session: StoreSession) => void
}

/**
 * A queue store as a process reaches it over a link: every verb travels there and back. Put the real
 * `brokers/virtual/` above it and a cluster of real brokers runs on one store (reliability §13.4, `lease-like`).
 */
export function linkedQueueStore(link: SimLink, store: QueueStore, options: LinkedQueueStoreOptions = {}): QueueStore {
  const drop = options.drop ?? (session => void session[Symbol.asyncDispose]())
  return {
    open: (holder, signal) => open(link, store, holder, drop, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function open(
  link: SimLink,
  store: QueueStore,
  holder: { readonly name: string },
  drop: (session: StoreSession) => void,
  signal: AbortSignal | undefined,
): Promise<StoreSession> {
  const channel = link.connect(brokerTrouble)
  const opening = channel.call('open', async () => {
    const session = await store.open(holder)
    channel.onGone(() => drop(session))
    return new LinkedSession(channel, session)
  })
  try {
    return await withSignal(opening, signal)
  } catch (error) {
    channel.close()
    throw error
  }
}

class LinkedSession implements StoreSession {
  readonly #channel: SimChannel
  readonly #session: StoreSession
  readonly #closed: Deferred<CloseReason> = deferred<CloseReason>()
  /** Left by a wait that was not ended, for the next one: making it costs more than the journey. */
  #idle: AbortController | undefined
  #disposed: Promise<void> | undefined

  constructor(channel: SimChannel, session: StoreSession) {
    this.#channel = channel
    this.#session = session
    channel.onLost(() => this.#closed.resolve({ kind: 'lost', error: brokerTrouble('waiting', true) }))
    void session.closed.then(reason => channel.push('closed', () => this.#ended(reason)))
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  declare(topology: Topology): Promise<void> {
    return this.#channel.call('declare', () => this.#session.declare(topology))
  }

  push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    return this.#channel.call('push', () => this.#session.push(entries))
  }

  claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    return this.#channel.call('claim', () => this.#session.claim(queues, limit))
  }

  settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    return this.#channel.call('settle', () => this.#session.settle(verdicts))
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#channel.call('current', () => this.#session.current(tokens))
  }

  /** Ends at once when the signal fires; the place hears of it later. */
  async wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const there = this.#idle ?? new AbortController()
    this.#idle = undefined
    const over = deferred()
    const end = (): void => {
      if (this.#channel.open) void this.#channel.call('unwake', () => there.abort()).catch(() => {})
      over.resolve()
    }
    signal.addEventListener('abort', end, { once: true })
    const woken = this.#channel.call('wake', () => this.#session.wake(queues, there.signal))
    try {
      await Promise.race([woken, over.promise])
      if (!signal.aborted) this.#idle = there
    } finally {
      signal.removeEventListener('abort', end)
      // Nobody waits for it any more when the signal came first.
      woken.catch(() => {})
    }
  }

  /** Kept by the process itself, so no journey. */
  trustedUntil(): SteadyMs {
    return this.#session.trustedUntil()
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#channel.call('stats', () => this.#session.stats(queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#channel.call('list', () => this.#session.list())
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#channel.call('bindings', () => this.#session.bindings())
  }

  weigh(queue: QueueName): Promise<number | undefined> {
    return this.#channel.call('weigh', async () => this.#session.weigh?.(queue))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#channel.call('purge', () => this.#session.purge(queue))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#channel.call('limit', async () => (await this.#session.limit?.(request)) ?? [])
  }

  consuming(queues: readonly QueueName[]): Promise<void> {
    return this.#channel.call('consuming', () => this.#session.consuming(queues))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #dispose(): Promise<void> {
    // A lost channel has nobody to say goodbye to; the place notices by itself.
    await this.#channel.call('close', () => this.#session[Symbol.asyncDispose]()).catch(() => {})
    this.#ended({ kind: 'closed' })
  }

  #ended(reason: CloseReason): void {
    this.#closed.resolve(reason)
    this.#channel.close()
  }
}

/** What a call to a broker's place says when its connection is gone. */
export function brokerTrouble(verb: string, sent: boolean): BrokerError {
  const message = `The simulated connection is gone ${sent ? 'while' : 'before'} '${verb}'. Connect again.`
  const options = { transient: true }
  if (verb !== 'push' && verb !== 'publish') return new BrokerError('LVG_SIM_CONNECTION', message, options)
  return sent
    ? new PublishUnknownError('LVG_PUBLISH_UNKNOWN', message, options)
    : new NotSentError('LVG_NOT_SENT', message, options)
}
