import type { Broker, CloseReason, Connection, Consumer, Delivery, Queue } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { QueueName } from '../protocol/ids.js'
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
  take(delivery: Delivery): void
  lost(reason: CloseReason): void
  /** Leases may have run out: ask for each token. */
  leasesSuspect(): Promise<void>
}

/** 0.1 s doubling to 30 s, full jitter (D85). */
const RECONNECT: BackoffRule = { first: 100, cap: 30_000 }

/** How often a connection with leases is asked whether they are still trusted (D25). */
const LEASE_CHECK: Ms = 1000

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
  #consumer: Consumer | undefined
  #prefetch = 0
  #prefetchTimer: Disposable | undefined
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

  /** Settles with the error that ended the session by itself; never when it is disposed first. */
  get failed(): Promise<unknown> {
    return this.#failure.promise
  }

  /** Resolves when messages are being consumed for the first time. */
  async start(signal: AbortSignal): Promise<void> {
    const first = await this.#firstConnection(AbortSignal.any([signal, this.#stop.signal]))
    this.#loop = this.#live(first)
  }

  /** The window has changed; many changes of one moment are told together. */
  updatePrefetch(): void {
    if (this.#prefetchTimer !== undefined || this.#consumer === undefined) return
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

  async resume(queue: Queue): Promise<void> {
    if (this.#queues.has(queue.name)) return
    this.#queues.set(queue.name, queue)
    const connection = this.#connection
    if (connection === undefined) return
    await connection.declare({ queues: [queue] })
    await this.#consumer?.add(queue)
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
    const connection = this.#connection
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

  /** Connect, declare, consume. A connection on which any of it fails is closed again. */
  async #open(signal: AbortSignal): Promise<Connection> {
    const { broker, name } = this.#parts
    const connection = await broker.connect({ name }, signal)
    try {
      const queues = this.queues
      await connection.declare({ queues })
      this.#prefetch = this.#parts.prefetch()
      this.#consumer = await connection.consume(queues, this.#prefetch)
      this.#connection = connection
      return connection
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Consumes until closed; reconnects after each loss. */
  async #live(first: Connection): Promise<void> {
    const { signal } = this.#stop
    let connection = first
    for (;;) {
      const watch = this.#watchLeases(connection)
      await this.#consume()
      const reason = await this.#closeReason(connection)
      watch[Symbol.dispose]()
      if (reason === undefined) return
      this.#connection = undefined
      this.#consumer = undefined
      if (connection.suspect()) await this.#parts.leasesSuspect()
      this.#parts.lost(reason)
      const next = await this.#reconnect(reason, signal)
      if (next === undefined) return
      connection = next
    }
  }

  async #consume(): Promise<void> {
    const consumer = this.#consumer
    if (consumer === undefined) return
    for await (const batch of consumer) {
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

  #watchLeases(connection: Connection): Disposable {
    if (!this.#parts.broker.features.leases) return { [Symbol.dispose]: () => undefined }
    const { clock, log } = this.#parts.runtime
    let timer: Disposable | undefined
    const look = (): void => {
      timer = clock.timer(LEASE_CHECK, look)
      if (!connection.suspect()) return
      this.#parts.leasesSuspect().catch(error => log.error(`Leases could not be checked: ${text(error)}`))
    }
    timer = clock.timer(LEASE_CHECK, look)
    return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() }
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
