import type { Broker, CloseReason, Connection, Consumer, Delivery, Queue } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { QueueName } from '../protocol/ids.js'
import type { Companion } from './companion.js'
import { LeaseWatch } from './lease-watch.js'
import { PREFETCH_DELAY } from './prefetch.js'

export interface SessionParts {
  readonly runtime: Runtime
  readonly broker: Broker
  /** Node name. */
  readonly name: string
  /** Queues to consume at start; later changes are kept over reconnects (D87). */
  readonly queues: readonly Queue[]
  /** Reconnect after a loss; and at start, where the broker may not be up yet. */
  readonly retry: boolean
  readonly retryOnStartup: boolean
  /** Tries at start before giving up; undefined = for ever. After the first success nothing gives up (D85). */
  readonly maxRetries: number | undefined
  prefetch(): number
  /** `workerDisablePrefetch` */
  readonly prefetchAtOnce: boolean
  take(delivery: Delivery): void
  lost(reason: CloseReason): void
  /** In the order of joining. */
  readonly companions: readonly Companion[]
  /** Something is held that was taken. */
  readonly holding: () => boolean
  /** Leases may have run out: ask for each token. */
  readonly leasesSuspect: () => Promise<void>
}

/** 0.1 s doubling to 5 s, full jitter (D85): a broker that is back is consumed from within 10 s, however long it was away. */
const RECONNECT: BackoffRule = { first: 100, cap: 5000 }

/** 0.5 s doubling to 15 s between tries of a companion that could not join: what stands in its way may be its own dead past. */
const REJOIN: BackoffRule = { first: 500, cap: 15_000 }

/**
 * The worker's life with its broker: connect, declare, consume, and all of it again when the connection is lost. This
 * is the one place where a worker decides to reconnect.
 *
 * Modes: *starting* (no connection yet; permanent errors and `maxRetries` end it), *consuming*, *reconnecting* (after a
 * loss; never gives up unless told not to retry or the error is permanent), *closed*.
 */
export class Session implements AsyncDisposable {
  readonly #parts: SessionParts
  readonly #stop = new AbortController()
  readonly #failure = deferred<unknown>()
  readonly #queues: Map<QueueName, Queue>
  #connection: Connection | undefined
  /** Connected, but not consuming yet. */
  #opening: Connection | undefined
  #consumer: Consumer | undefined
  #company: AsyncDisposable | undefined
  #prefetch = 0
  #prefetchTimer: Disposable | undefined
  #renewal: Deferred<void> = deferred()
  #loop: Promise<void> | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#queues = new Map(parts.queues.map(queue => [queue.name, queue]))
  }

  /** The live connection; undefined while there is none. */
  get live(): Connection | undefined {
    return this.#connection
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()]
  }

  /** The window as the broker was told it last; 0 = no limit. */
  get prefetch(): number {
    return this.#prefetch
  }

  /** Settles with the error that ended the session by itself; never when it is disposed first. */
  get failed(): Promise<unknown> {
    return this.#failure.promise
  }

  /** Resolves when messages are being consumed for the first time. */
  async start(signal: AbortSignal): Promise<void> {
    const first = this.#firstConnection(AbortSignal.any([signal, this.#stop.signal]))
    // Whoever disposes meanwhile waits until what was opened is closed again.
    this.#loop = first.then(
      () => undefined,
      () => undefined,
    )
    const connection = await first
    this.#loop = this.#live(connection)
  }

  /**
   * The window has changed. Many changes of one moment are told together; but where nothing may be taken that cannot run,
   * at once.
   */
  updatePrefetch(): void {
    if (this.#parts.prefetchAtOnce) this.#applyPrefetch()
    else if (this.#prefetchTimer === undefined && this.#consumer !== undefined) this.#armPrefetch()
  }

  #armPrefetch(): void {
    this.#prefetchTimer = this.#parts.runtime.clock.timer(PREFETCH_DELAY, () => {
      this.#prefetchTimer = undefined
      this.#applyPrefetch()
    })
  }

  /** Stops consuming one queue until `resume`; what was delivered goes on. */
  async pause(queue: QueueName): Promise<void> {
    if (!this.#queues.delete(queue)) return
    await this.#consumer?.cancel(queue)
  }

  /** Consumes one more queue from now on; without a connection from the next one on. A queue that cannot be had is given up. */
  async resume(queue: Queue): Promise<void> {
    if (this.#queues.has(queue.name)) return
    this.#queues.set(queue.name, queue)
    const connection = this.#connection
    if (connection === undefined) return
    try {
      await connection.declare({ queues: [queue] })
      await this.#consumer?.add(queue)
    } catch (error) {
      // Otherwise no later connection could be made ready either (H11).
      if (!isTransient(error)) this.#queues.delete(queue.name)
      throw error
    }
  }

  /** Leaves the present connection as if it had been lost: it may be open and deaf. A worker that stops takes no notice. */
  renew(): void {
    this.#renewal.resolve()
  }

  /** Ends the session by itself. */
  fail(error: unknown): void {
    this.#fail(error)
  }

  /** No further deliveries; the connection stays for acks and publishes until disposal. */
  async stopConsuming(): Promise<void> {
    this.#prefetchTimer?.[Symbol.dispose]()
    this.#stop.abort()
    const consumer = this.#consumer
    this.#consumer = undefined
    await consumer?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopConsuming()
    const connection = this.#connection ?? this.#opening
    await this.#part()
    this.#connection = undefined
    await connection?.[Symbol.asyncDispose]()
    await this.#loop
  }

  async #firstConnection(signal: AbortSignal): Promise<Connection> {
    const { retryOnStartup, maxRetries, runtime } = this.#parts
    for (let tries = 0; ; tries++) {
      try {
        return await this.#open(signal)
      } catch (error) {
        signal.throwIfAborted()
        const hopeless = !retryOnStartup || !isTransient(error) || (maxRetries !== undefined && tries >= maxRetries)
        if (hopeless) throw error
        const wait = backoff(tries + 3, RECONNECT, runtime.random)
        runtime.log.error(
          `Cannot connect to ${this.#parts.broker.url}: ${text(error)} Trying again in ${seconds(wait)}.`,
        )
        await runtime.clock.sleep(wait, signal)
      }
    }
  }

  /**
   * Connect, declare, consume. A connection on which any of it fails is closed again; so is one that is there only after
   * the stop, which nobody would ever close.
   */
  async #open(signal: AbortSignal): Promise<Connection> {
    const { broker, name } = this.#parts
    const connection = await broker.connect({ name, guarded: true }, signal)
    this.#opening = connection
    try {
      signal.throwIfAborted()
      const queues = this.queues
      await connection.declare({ queues })
      signal.throwIfAborted()
      this.#prefetch = this.#parts.prefetch()
      const consumer = await connection.consume(queues, this.#prefetch)
      signal.throwIfAborted()
      await this.#catchUp(connection, consumer, queues)
      this.#consumer = consumer
      this.#connection = connection
      // What ended while the broker was told the window has changed it, and had nobody to tell.
      this.#applyPrefetch()
      return connection
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  /** Queues that were added or taken away while the connection was made (H11). */
  async #catchUp(connection: Connection, consumer: Consumer, told: readonly Queue[]): Promise<void> {
    for (const queue of this.queues) {
      if (told.includes(queue)) continue
      await connection.declare({ queues: [queue] })
      await consumer.add(queue)
    }
    for (const queue of told) if (!this.#queues.has(queue.name)) await consumer.cancel(queue.name)
  }

  /** Consumes until closed; reconnects after each loss. */
  async #live(first: Connection): Promise<void> {
    const { signal } = this.#stop
    let connection = first
    for (;;) {
      const leases = this.#watchLeases(connection)
      this.#company = this.#join(connection)
      this.#renewal = deferred()
      const consuming = this.#consume(leases)
      // Left behind by a renewal, it ends with its connection, however that is.
      consuming.catch(() => undefined)
      await Promise.race([consuming, this.#renewal.promise])
      const reason = await this.#closeReason(connection)
      leases?.[Symbol.dispose]()
      if (reason === undefined) return
      this.#connection = undefined
      this.#consumer = undefined
      await this.#part()
      if (connection.suspect()) await this.#parts.leasesSuspect()
      this.#parts.lost(reason)
      const next = await this.#reconnect(reason, signal)
      if (next === undefined) return
      connection = next
    }
  }

  /** Companions join one after another, while messages are consumed; what is joined is left again, whenever that is. */
  #join(connection: Connection): AsyncDisposable {
    const { companions, runtime } = this.#parts
    const abort = new AbortController()
    const joined: AsyncDisposable[] = []
    const again = async (companion: Companion): Promise<void> => {
      for (let tries = 0; !abort.signal.aborted; tries++) {
        try {
          await runtime.clock.sleep(backoff(tries, REJOIN, runtime.random), abort.signal)
          joined.push(await companion.join(connection, abort.signal))
          return
        } catch (error) {
          runtime.log.debug(`Still no ${companion.name} on this connection: ${text(error)}`)
        }
      }
    }
    const joining = (async () => {
      const later: Promise<void>[] = []
      for (const companion of companions) {
        if (abort.signal.aborted) break
        try {
          joined.push(await companion.join(connection, abort.signal))
        } catch (error) {
          if (abort.signal.aborted) break
          runtime.log.error(`No ${companion.name} on this connection yet: ${text(error)}`)
          later.push(again(companion))
        }
      }
      await Promise.all(later)
    })()
    return {
      async [Symbol.asyncDispose]() {
        abort.abort()
        await joining
        for (const companion of joined.reverse()) {
          try {
            await companion[Symbol.asyncDispose]()
          } catch (error) {
            runtime.log.debug(`While leaving a connection: ${text(error)}`)
          }
        }
      },
    }
  }

  async #part(): Promise<void> {
    const company = this.#company
    this.#company = undefined
    await company?.[Symbol.asyncDispose]()
  }

  async #consume(leases: LeaseWatch | undefined): Promise<void> {
    const consumer = this.#consumer
    if (consumer === undefined) return
    for await (const batch of consumer) {
      leases?.wake()
      for (const delivery of batch) this.#parts.take(delivery)
    }
  }

  /** Undefined = we closed it. A connection whose consumer ended alone, cancelled by the broker (D33), is made anew. */
  async #closeReason(connection: Connection): Promise<CloseReason | undefined> {
    if (this.#stop.signal.aborted) return undefined
    await connection[Symbol.asyncDispose]()
    const reason = await connection.closed
    return this.#stop.signal.aborted ? undefined : reason
  }

  async #reconnect(reason: CloseReason, signal: AbortSignal): Promise<Connection | undefined> {
    const { runtime, retry, broker } = this.#parts
    const why = reason.kind === 'lost' ? reason.error : undefined
    // A damaged store does not mend by being opened again.
    if (why !== undefined && !isTransient(why)) return this.#fail(why)
    runtime.log.warning(`Connection to ${broker.url} lost: ${why === undefined ? 'closed' : text(why)} Reconnecting.`)
    if (!retry) return this.#fail(why)
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        await runtime.clock.sleep(backoff(tries, RECONNECT, runtime.random), signal)
        const connection = await this.#open(signal)
        runtime.log.info(`Connected to ${broker.url} again.`)
        return connection
      } catch (error) {
        if (signal.aborted) return undefined
        if (!isTransient(error)) return this.#fail(error)
        runtime.log.error(`Cannot connect to ${broker.url}: ${text(error)}`)
      }
    }
    return undefined
  }

  #fail(error: unknown): undefined {
    this.#failure.resolve(error)
    return undefined
  }

  #applyPrefetch(): void {
    const wanted = this.#parts.prefetch()
    const consumer = this.#consumer
    if (consumer === undefined || wanted === this.#prefetch) return
    this.#prefetch = wanted
    // A connection that dies meanwhile gets the right window when it is opened anew.
    consumer.setPrefetch(wanted).catch(error => this.#parts.runtime.log.debug(`Prefetch not changed: ${text(error)}`))
  }

  #watchLeases(connection: Connection): LeaseWatch | undefined {
    const { broker, runtime, holding, leasesSuspect } = this.#parts
    if (!broker.features.leases) return undefined
    return new LeaseWatch({ runtime, holding, suspect: () => connection.suspect(), check: leasesSuspect })
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof BrokerError && error.transient
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function seconds(ms: Ms): string {
  return `${(ms / 1000).toFixed(1)} s`
}
