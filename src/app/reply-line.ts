import { BackendError } from '../backends/errors.js'
import type { Receive, ReplyLine } from '../backends/rpc/reply-line.js'
import type { Broker, Connection, Consumer, Queue } from '../brokers/broker.js'
import { BrokerError, UnroutableError } from '../brokers/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { type QueueName, queueName, type TaskId } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import { dial } from './dial.js'
import type { PublishIds } from './publish-ids.js'
import type { Publisher } from './publisher.js'

export interface BrokerReplyLineOptions {
  readonly runtime: Runtime
  /** Shown by the broker's own tools. */
  readonly name: string
  /** The app's `replyTo`: name of the queue. */
  readonly replyTo: string
  /** An abandoned queue vanishes after this; undefined = never. */
  readonly expires: Ms | undefined
  /** Longest wait for a connection; undefined = as long as the broker takes. */
  readonly connectTimeout: Ms | undefined
  /** Asked for once per connection. */
  broker(): Promise<Broker>
  readonly publishIds: PublishIds
  /** Owned: closed with the line. */
  readonly publisher: Publisher
  /** The end of this task has come. */
  answered(id: TaskId): void
}

const CONNECT_BACKOFF: BackoffRule = { first: 100, cap: 2000 }
/** Answers are small and taken at once: enough to keep a busy line full. */
const PREFETCH = 1000

/**
 * The reply queue of an app and the way to those of others. Modes: *idle* until somebody listens; then *connecting*,
 * *listening*, and, when the connection is lost, connecting again after a pause, until disposed.
 *
 * The queue lives as long as it is consumed (`autoDelete`), so an answer that comes between two connections is lost with
 * it: what waits for it runs into its timeout.
 */
export class BrokerReplyLine implements ReplyLine {
  readonly #options: BrokerReplyLineOptions
  readonly #quit = new AbortController()
  #ready = handled(deferred<void>())
  #loop: Promise<void> | undefined
  #listening = false

  constructor(options: BrokerReplyLineOptions) {
    this.#options = options
  }

  get listening(): boolean {
    return this.#listening
  }

  async listen(receive: Receive, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#loop ??= this.#run(receive)
    const aborted = deferred<never>()
    const abort = (): void => aborted.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#ready.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async send(message: Message, queue: string): Promise<'sent' | 'nobody'> {
    const { publisher, publishIds } = this.#options
    const to = { exchange: '', routingKey: queue }
    const anyway =
      (await this.#options.broker()).features.reachesUndeclared === true ? { mandatory: false as const } : {}
    const entry = { message, to, queue: undefined, publishId: publishIds.draw(), notBefore: undefined, ...anyway }
    try {
      await publisher.publish(entry)
      return 'sent'
    } catch (error) {
      if (error instanceof UnroutableError) return 'nobody'
      throw asBackendError(error, queue)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#quit.abort()
    this.#ready.reject(closed())
    await this.#loop
    await this.#options.publisher[Symbol.asyncDispose]()
  }

  /** Never rejects. A configuration that cannot work ends it, told to whoever listens. */
  async #run(receive: Receive): Promise<void> {
    const { clock, random } = this.#options.runtime
    const { signal } = this.#quit
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await using connection = await dial(await this.#options.broker(), this.#options, signal)
        await using consumer = await connection.consume([this.#queue()], PREFETCH)
        failures = 0
        await this.#consume(connection, consumer, receive)
      } catch (error) {
        if (!(error instanceof BrokerError)) return this.#ready.reject(error)
      }
      if (signal.aborted) return
      // Rejects only when disposed, which the loop sees by itself.
      await clock.sleep(backoff(failures, CONNECT_BACKOFF, random), signal).catch(() => undefined)
    }
  }

  async #consume(connection: Connection, consumer: Consumer, receive: Receive): Promise<void> {
    const { signal } = this.#quit
    if (signal.aborted) return
    const stop = (): void => void connection[Symbol.asyncDispose]()
    signal.addEventListener('abort', stop, { once: true })
    this.#ready.resolve()
    this.#listening = true
    try {
      for await (const deliveries of consumer) {
        for (const { message } of deliveries) {
          const ended = receive(message)
          if (ended !== undefined) this.#options.answered(ended)
        }
        await Promise.all(deliveries.map(delivery => delivery.ack()))
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#listening = false
      if (!signal.aborted) this.#ready = handled(deferred())
    }
  }

  /** Flags as in celery/backends/rpc.py `binding`; declared by its reader only. */
  #queue(): Queue {
    const { replyTo, expires } = this.#options
    const name: QueueName = queueName(replyTo)
    const limits = expires === undefined ? {} : { arguments: { 'x-expires': expires } }
    return { name, durable: true, autoDelete: true, exclusive: false, ...limits }
  }
}

function asBackendError(error: unknown, queue: string): BackendError {
  const why = error instanceof Error ? error.message : String(error)
  const transient = error instanceof BrokerError && error.transient
  return new BackendError('LVG_REPLY_NOT_SENT', `The result could not be sent to ${queue}: ${why}`, {
    cause: error,
    transient,
  })
}

/** Nobody has to listen. */
function handled<T>(ready: Deferred<T>): Deferred<T> {
  ready.promise.catch(() => undefined)
  return ready
}

function closed(): BackendError {
  return new BackendError('LVG_BACKEND_CLOSED', 'The result backend rpc:// was closed.', { transient: false })
}
