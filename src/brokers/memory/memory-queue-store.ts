import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueStore } from '../virtual/queue-store.js'
import { MemoryCore } from './memory-core.js'
import { MemorySession, type Sweep, type Sweepable } from './memory-session.js'

export interface MemoryQueueStoreOptions {
  /** How long the messages of a silent holder stay its own. Default 20 s. */
  readonly leaseMs?: Ms
  /** How often a holder renews and sweeps. Default 5 s. */
  readonly renewMs?: Ms
  /** How long a publish id is remembered. Default 60 s. */
  readonly dedupeMs?: Ms
  /** How many are remembered at least, when they come faster than that. Default 50,000: some 8 MiB. */
  readonly maxPublishIds?: number
  /** How often somebody who waits for a delayed message looks whether the wall clock was stepped. Default 1 s. */
  readonly lookAgainMs?: Ms
  /** How a session returns what dead holders have left. Default: both steps at once. */
  readonly sweep?: Sweep
}

/**
 * The reference store: everything in this process, nothing survives it. Many sessions on one store are many processes
 * on one broker; in a simulated cluster each opens through `seenBy` its own runtime.
 */
export class MemoryQueueStore implements QueueStore {
  readonly #runtime: Pick<Runtime, 'clock' | 'random'>
  readonly #core: MemoryCore
  readonly #leaseMs: Ms
  readonly #renewMs: Ms
  readonly #sweep: Sweep
  readonly #sessions = new Set<MemorySession>()

  constructor(runtime: Pick<Runtime, 'clock' | 'random'>, options: MemoryQueueStoreOptions = {}) {
    const {
      leaseMs = 20_000,
      renewMs = 5_000,
      dedupeMs = 60_000,
      maxPublishIds = 50_000,
      lookAgainMs = 1_000,
      sweep = sweepAtOnce,
    } = options
    this.#runtime = runtime
    this.#leaseMs = leaseMs
    this.#renewMs = renewMs
    this.#sweep = sweep
    this.#core = new MemoryCore(runtime.clock, { leaseMs, dedupeMs, maxPublishIds, lookAgainMs })
  }

  open(holder: { readonly name: string }, signal?: AbortSignal): Promise<MemorySession> {
    return this.#open(this.#runtime, holder.name, signal)
  }

  /** The store from a process with a clock of its own: leases are kept by that clock and end by the store's. */
  seenBy(runtime: Pick<Runtime, 'clock' | 'random'>): QueueStore {
    return {
      open: (holder, signal) => this.#open(runtime, holder.name, signal),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }

  /** The store's wall clock was stepped: who waits for what is delayed looks again at once. */
  dateChanged(): void {
    this.#core.dateChanged()
  }

  /** Stops the lease keeping of every session of that name, as if its process were stopped: its messages return, counted. */
  freeze(name: string): void {
    for (const session of this.#sessions) if (session.name === name) session.freeze()
  }

  /** Lets frozen sessions go on: in time they renew, too late they find themselves lost. */
  thaw(name: string): void {
    for (const session of this.#sessions) if (session.name === name) session.thaw()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map(session => session[Symbol.asyncDispose]()))
  }

  async #open(
    runtime: Pick<Runtime, 'clock' | 'random'>,
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<MemorySession> {
    signal?.throwIfAborted()
    const options = { name, leaseMs: this.#leaseMs, renewMs: this.#renewMs, sweep: this.#sweep }
    const session = new MemorySession(this.#core, runtime, options)
    this.#sessions.add(session)
    void session.closed.then(() => this.#sessions.delete(session))
    return session
  }
}

function sweepAtOnce(store: Sweepable): void {
  for (const holder of store.expired()) store.takeBack(holder)
}
