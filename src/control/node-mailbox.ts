import type { Connection, Consumer, Delivery } from '../brokers/broker.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import type { Codec } from '../protocol/codec.js'
import type { NodeName } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import { type ControlRequest, decodeControlRequest, encodeControlReply, type ReplyAddress } from '../protocol/pidbox.js'
import { addressed } from './addressed.js'
import { answerRequest } from './answer-request.js'
import { type CommandTable, NO_REPLY } from './command-table.js'
import type { ControlPolicy } from './control-policy.js'
import { errorReply } from './error-reply.js'
import { type MailboxSettings, nodeQueue, replyExchange } from './mailbox-topology.js'

export interface NodeMailboxOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly node: NodeName
  readonly settings: MailboxSettings
  readonly codec: Codec
  /** Of replies. Default: the codec's. */
  readonly serializer?: string | undefined
  readonly policy: ControlPolicy
  readonly commands: CommandTable
  /** A request came, whether it is for this node or not: Celery's workers count it on their logical clock. */
  heard?(): void
  /** A message was dropped; `detail` says why. */
  rejected(detail: string): void
}

/** Requests taken at a time: more wait at the broker. */
const PREFETCH = 100
/** Replies under way at a time; further ones are dropped. */
const MAX_REPLIES = 100
const REPLY_TIMEOUT: Ms = 10_000
/** Pauses before a mailbox that was lost alone is opened again (H18). */
const AGAIN: BackoffRule = { first: 200, cap: 5000 }
const SIGNED = 'application/data'

/**
 * A node's mailbox: hears requests for as long as a connection lives, and answers them.
 *
 * Requests are acknowledged as they come, like Celery's, and served one at a time in their order; they share nothing with the
 * consuming of tasks but the connection, so they are served while every slot is busy. Whatever a request holds, the worker
 * goes on: what cannot be read is dropped, what fails is answered with an error (M45). A reply that reaches nobody is
 * dropped and counted (H37). When only the mailbox breaks, it is opened again; when the connection ends, so does it.
 */
export class NodeMailbox {
  readonly name = 'remote control'
  readonly #options: NodeMailboxOptions
  /** Counts requests and replies. Source: kombu/pidbox.py `Mailbox.clock`. */
  readonly #clock = new LamportClock()
  #replying = 0
  #dropped = 0

  constructor(options: NodeMailboxOptions) {
    this.#options = options
  }

  /** Replies that could not be sent. */
  get droppedReplies(): number {
    return this.#dropped
  }

  /** Resolves when requests are heard. */
  async join(connection: Connection, signal: AbortSignal): Promise<AsyncDisposable> {
    const consumer = await this.#open(connection)
    const stop = new AbortController()
    const served = this.#serve(connection, consumer, AbortSignal.any([signal, stop.signal]))
    return {
      async [Symbol.asyncDispose]() {
        stop.abort()
        await served
      },
    }
  }

  async #open(connection: Connection): Promise<Consumer> {
    const { node, settings } = this.#options
    await connection.declare({ exchanges: [replyExchange(settings)] })
    return await connection.consume([nodeQueue(node, settings)], PREFETCH)
  }

  /** Until the connection ends or the signal fires. Never rejects. */
  async #serve(connection: Connection, first: Consumer, signal: AbortSignal): Promise<void> {
    let lost = false
    void connection.closed.then(() => {
      lost = true
    })
    let consumer: Consumer | undefined = first
    for (let failures = 0; !signal.aborted && !lost; failures++) {
      if (consumer !== undefined) {
        failures = 0
        await this.#consume(connection, consumer, signal)
      }
      if (signal.aborted || lost) return
      consumer = await this.#reopen(connection, failures, signal)
    }
    await consumer?.[Symbol.asyncDispose]()
  }

  async #reopen(connection: Connection, failures: number, signal: AbortSignal): Promise<Consumer | undefined> {
    const { clock, random, log } = this.#options.runtime
    try {
      await clock.sleep(backoff(failures, AGAIN, random), signal)
      const consumer = await this.#open(connection)
      log.info('Remote control is heard again.')
      return consumer
    } catch (error) {
      if (!signal.aborted) log.warning(`Remote control cannot be heard: ${messageOf(error)}`)
      return undefined
    }
  }

  async #consume(connection: Connection, consumer: Consumer, signal: AbortSignal): Promise<void> {
    const stop = (): void => void consumer[Symbol.asyncDispose]().catch(() => undefined)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      for await (const batch of consumer) {
        for (const delivery of batch) await this.#take(delivery, connection, signal)
      }
    } catch (error) {
      this.#options.runtime.log.debug(`While hearing remote control: ${messageOf(error)}`)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** What was handed out when the mailbox closed is neither acknowledged nor run. */
  async #take(delivery: Delivery, connection: Connection, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    delivery.ack().catch(() => undefined)
    this.#options.heard?.()
    const { message } = delivery
    const decoded = decodeControlRequest(message, this.#options.codec)
    if (decoded.kind === 'malformed') {
      this.#options.rejected(decoded.detail)
      if (decoded.replyTo !== undefined) {
        const reply = errorReply(named('ValueError', decoded.detail))
        this.#reply(reply, { replyTo: decoded.replyTo, ticket: decoded.ticket }, connection)
      }
      return
    }
    const { request } = decoded
    this.#clock.adjust(request.clock ?? 0)
    const { node } = this.#options
    const whom = addressed(node, request)
    if (whom.kind === 'unclear') this.#options.rejected(whom.problem)
    if (whom.kind === 'yes') await this.#run(request, message, connection, signal)
  }

  async #run(request: ControlRequest, message: Message, connection: Connection, leaving: AbortSignal): Promise<void> {
    const { runtime, policy, commands } = this.#options
    const { log, clock } = runtime
    const { method, replyTo } = request
    const signed = message.properties.contentType === SIGNED
    let value: unknown
    try {
      value = await answerRequest(request, signed, { clock, commands, policy }, leaving)
    } catch (error) {
      value = errorReply(error)
      log.warning(`Remote control: ${method.slice(0, 64)} failed: ${errorReply(error).error}`)
    }
    if (value !== NO_REPLY && replyTo !== undefined) {
      this.#reply(value ?? null, { replyTo, ticket: request.ticket }, connection)
    }
  }

  /** Nobody waits for it: one that the broker does not take must not keep the next request. */
  #reply(
    value: unknown,
    to: { readonly replyTo: ReplyAddress; readonly ticket: string | undefined },
    connection: Connection,
  ): void {
    const { settings, rejected } = this.#options
    const { replyTo, ticket } = to
    if (replyTo.exchange !== replyExchange(settings).name) {
      rejected(`a reply was asked for at exchange '${replyTo.exchange.slice(0, 64)}', where no replies go (S76)`)
      return
    }
    if (this.#replying >= MAX_REPLIES) {
      this.#drop(`${MAX_REPLIES} replies wait for the broker`)
      return
    }
    void this.#send(this.#encode(value, ticket), replyTo, connection)
  }

  async #send(message: Message, to: ReplyAddress, connection: Connection): Promise<void> {
    const { clock, random } = this.#options.runtime
    const late = new AbortController()
    using _timer = clock.timer(REPLY_TIMEOUT, () => late.abort(new Error('the broker did not take it in time')))
    this.#replying++
    try {
      await connection.publish(message, to, { publishId: uuid4(random), mandatory: false, signal: late.signal })
    } catch (error) {
      this.#drop(messageOf(error))
    } finally {
      this.#replying--
    }
  }

  #encode(value: unknown, ticket: string | undefined): Message {
    const { node, codec, serializer } = this.#options
    const reply = (value: unknown): Message =>
      encodeControlReply({ node, value, ticket, clock: this.#clock.forward() }, codec, serializer)
    try {
      return reply(value)
    } catch (error) {
      return reply(errorReply(error))
    }
  }

  #drop(why: string): void {
    this.#dropped++
    this.#options.runtime.log.warning(`A reply of remote control was not sent: ${why}`)
  }
}

function named(name: string, message: string): Error {
  const error = new Error(message)
  error.name = name
  return error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
