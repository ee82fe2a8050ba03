import type { Connection, Consumer, Queue } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { EventReader } from './event-reader.js'
import type { ReceivedEvent } from './received-event.js'

/** A connection, and the queue that belongs on it. */
export interface EventLine {
  readonly connection: Connection
  readonly queue: Queue
}

export interface EventReceiverParts {
  readonly runtime: Runtime
  readonly reader: EventReader
  /** A new connection. Rejects with `BrokerError`, or with what no waiting mends. */
  dial(signal: AbortSignal): Promise<EventLine>
  /** Asks all workers to announce themselves, as soon as it listens. Its failure is no matter. */
  wakeUp?(connection: Connection): Promise<void>
  /** The connection was lost, or could not be had; another try follows in so many ms. */
  troubled?(error: BrokerError, retryIn: Ms): void
  /** It listens, for the first time or again. */
  listening?(): void
}

/** 0.1 s doubling to 5 s, full jitter. */
const RECONNECT: BackoffRule = { first: 100, cap: 5000 }
/** Events on the way to a reader that takes its time; those beyond wait in the queue, and not for long. */
const PREFETCH = 1000

/**
 * Hears events, a turn's worth at a time, over one connection after another: `for await (const events of receiver)`. A
 * reader that takes its time holds up nobody: the queue forgets what is too old.
 *
 * Modes: *idle* until it is iterated, *connecting*, *listening*, *ended* after disposal. A broker that is away is waited
 * for; an answer that no waiting changes (a refused password) is thrown to the reader.
 */
export class EventReceiver implements AsyncIterable<readonly ReceivedEvent[]>, AsyncDisposable {
  readonly #parts: EventReceiverParts
  readonly #stop = new AbortController()
  #connection: Connection | undefined

  constructor(parts: EventReceiverParts) {
    this.#parts = parts
  }

  /** What claimed to be an event and was none (M44). */
  get dropped(): number {
    return this.#parts.reader.dropped
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly ReceivedEvent[]> {
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted; failures++) {
      let trouble: BrokerError | undefined
      try {
        const line = await this.#parts.dial(signal)
        this.#connection = line.connection
        await using connection = line.connection
        await using consumer = await connection.consume([line.queue], PREFETCH)
        failures = 0
        this.#parts.listening?.()
        await this.#parts.wakeUp?.(connection).catch(error => this.#unheard(error))
        if (signal.aborted) return
        yield* this.#events(consumer)
        const reason = signal.aborted ? undefined : await connectionEnd(connection)
        trouble = reason
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof BrokerError) || !error.transient) throw error
        trouble = error
      } finally {
        this.#connection = undefined
      }
      if (signal.aborted) return
      await this.#pause(trouble, failures)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#connection?.[Symbol.asyncDispose]()
  }

  async *#events(consumer: Consumer): AsyncGenerator<readonly ReceivedEvent[]> {
    for await (const deliveries of consumer) {
      const events = deliveries.flatMap(delivery => this.#parts.reader.read(delivery.message))
      // Whether the broker has heard it makes no difference: the queue is ours alone.
      await Promise.allSettled(deliveries.map(delivery => delivery.ack()))
      if (events.length > 0) yield events
    }
  }

  async #pause(trouble: BrokerError | undefined, failures: number): Promise<void> {
    const { clock, random } = this.#parts.runtime
    const wait = backoff(failures, RECONNECT, random)
    if (trouble !== undefined) this.#parts.troubled?.(trouble, wait)
    // Rejects only when disposed, which the loop sees by itself.
    await clock.sleep(wait, this.#stop.signal).catch(() => undefined)
  }

  #unheard(error: unknown): void {
    this.#parts.runtime.log.debug(`Workers could not be asked to announce themselves: ${String(error)}`)
  }
}

/** Its consumer has ended: why. A connection that is still open (the queue was deleted) is given up. */
async function connectionEnd(connection: Connection): Promise<BrokerError | undefined> {
  await connection[Symbol.asyncDispose]()
  const reason = await connection.closed
  return reason.kind === 'lost' ? reason.error : undefined
}
