import type { Connection, Consumer } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import type { Codec } from '../protocol/codec.js'
import type { Message } from '../protocol/message.js'
import { type ControlReply, decodeControlReply, encodeControlRequest } from '../protocol/pidbox.js'
import { controlExchange, type MailboxSettings, replyExchange, replyQueue } from './mailbox-topology.js'

export interface ControlLineOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly settings: MailboxSettings
  readonly codec: Codec
  /** Of requests. Default: the codec's. */
  readonly serializer?: string | undefined
  /** Rejects within a time of its own. */
  connect(signal: AbortSignal): Promise<Connection>
}

/** What is asked of nodes. */
export interface Question {
  readonly method: string
  /** By their names on the wire. */
  readonly arguments: Readonly<Record<string, unknown>>
  readonly destination?: readonly string[] | undefined
  readonly pattern?: string | undefined
  readonly matcher?: string | undefined
}

export interface Patience {
  /** Longest wait for the first reply, and from each reply to the next. */
  readonly timeout: Ms
  /** Replies after which no more are waited for; undefined = the number of destinations, or as many as come. */
  readonly limit?: number | undefined
  /** Told of each reply when it comes. */
  readonly onReply?: ((reply: ControlReply) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** L17. */
const MAX_REPLIES = 10_000
const PREFETCH = 1000
/** How long connection and reply queue are kept after the last call. */
const LINGER: Ms = 5000

interface Call {
  readonly replies: ControlReply[]
  readonly patience: Patience
  readonly limit: number
  readonly end: Deferred<void>
  timer: Disposable | undefined
}

interface Line {
  readonly connection: Connection
  /** Routing key of our reply queue: another one for each connection, so that no old queue stands in the way. */
  readonly oid: string
  /** Undefined until a reply is wanted for the first time. */
  consumer: Promise<Consumer> | undefined
}

/**
 * The client's side of remote control: asks nodes, and collects what they answer.
 *
 * Modes: *idle*; *open* from the first call on, with one connection and, once a reply is wanted, one reply queue for all calls
 * (replies are told apart by their tickets); *lingering* for 5 s after the last call, so that calls in a row cost no connection
 * each; then idle again, with nothing left at the broker. *Closed* after disposal. A connection that is lost ends the calls on
 * it with its error; the next call makes another one.
 */
export class ControlLine implements AsyncDisposable {
  readonly #options: ControlLineOptions
  /** Source: kombu/pidbox.py `Mailbox.clock`. */
  readonly #clock = new LamportClock()
  readonly #calls = new Map<string, Call>()
  readonly #quit = new AbortController()
  #line: Promise<Line> | undefined
  #busy = 0
  #linger: Disposable | undefined
  #closing: Promise<void> = Promise.resolve()

  constructor(options: ControlLineOptions) {
    this.#options = options
  }

  /** Resolves when the broker has it; nobody answers. Rejects with `BrokerError`, `EncodeError`. */
  async cast(question: Question, { timeout }: Pick<Patience, 'timeout'>): Promise<void> {
    await this.#use(() => this.#publish(question, undefined, timeout))
  }

  /** Replies in the order in which they came; none when nobody answered in time. Rejects as `cast`, or with `signal.reason`. */
  async call(question: Question, patience: Patience): Promise<readonly ControlReply[]> {
    patience.signal?.throwIfAborted()
    return await this.#use(() => this.#ask(question, patience))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#quit.abort(closed())
    for (const call of this.#calls.values()) call.end.reject(closed())
    this.#hangUp()
    await this.#closing
  }

  async #use<T>(act: () => Promise<T>): Promise<T> {
    this.#quit.signal.throwIfAborted()
    this.#linger?.[Symbol.dispose]()
    this.#linger = undefined
    this.#busy++
    try {
      return await act()
    } finally {
      this.#busy--
      if (this.#busy === 0 && this.#line !== undefined) {
        this.#linger = this.#options.runtime.clock.timer(LINGER, () => this.#hangUp())
      }
    }
  }

  async #ask(question: Question, patience: Patience): Promise<readonly ControlReply[]> {
    const ticket = uuid4(this.#options.runtime.random)
    const limit = Math.min(patience.limit ?? (question.destination?.length || MAX_REPLIES), MAX_REPLIES)
    const call: Call = { replies: [], patience, limit, end: deferred(), timer: undefined }
    // Nobody may wait yet when it fails.
    call.end.promise.catch(() => undefined)
    const abort = (): void => call.end.reject(patience.signal?.reason)
    patience.signal?.addEventListener('abort', abort, { once: true })
    this.#calls.set(ticket, call)
    try {
      await Promise.race([this.#publish(question, ticket, patience.timeout), call.end.promise])
      this.#wait(call)
      await call.end.promise
      return call.replies
    } finally {
      patience.signal?.removeEventListener('abort', abort)
      call.timer?.[Symbol.dispose]()
      this.#calls.delete(ticket)
    }
  }

  /** Starts the time anew. */
  #wait(call: Call): void {
    call.timer?.[Symbol.dispose]()
    call.timer = this.#options.runtime.clock.timer(call.patience.timeout, () => call.end.resolve())
  }

  /** A connection that has died unnoticed since the last call gets one successor. */
  async #publish(question: Question, ticket: string | undefined, timeout: Ms): Promise<void> {
    for (let retried = false; ; retried = true) {
      const fresh = this.#line === undefined
      const line = await this.#opened()
      try {
        return await this.#publishOn(line, question, ticket, timeout)
      } catch (error) {
        if (fresh || retried || !(error instanceof BrokerError) || !error.transient) throw error
        this.#hangUp()
      }
    }
  }

  async #publishOn(line: Line, question: Question, ticket: string | undefined, timeout: Ms): Promise<void> {
    const { runtime, settings, codec, serializer } = this.#options
    const { connection, oid } = line
    if (ticket !== undefined) await this.#listen(line)
    else await connection.declare({ exchanges: [controlExchange(settings)] })
    const request = {
      method: question.method,
      arguments: question.arguments,
      destination: question.destination,
      pattern: question.pattern,
      matcher: question.matcher,
      ticket,
      replyTo: ticket === undefined ? undefined : { exchange: replyExchange(settings).name, routingKey: oid },
      clock: this.#clock.forward(),
      expires: expiry(runtime.clock.now(), timeout),
    }
    const message = encodeControlRequest(request, codec, serializer)
    const to = { exchange: controlExchange(settings).name, routingKey: '' }
    await connection.publish(message, to, { publishId: uuid4(runtime.random), mandatory: false })
  }

  /** Declared with every call: what is at the broker may have been removed since the last one (H37). */
  async #listen(line: Line): Promise<void> {
    const { settings } = this.#options
    const { connection } = line
    const queue = replyQueue(line.oid, settings)
    await connection.declare({ exchanges: [controlExchange(settings)], queues: [queue] })
    if (line.consumer !== undefined) return void (await line.consumer)
    line.consumer = connection.consume([queue], PREFETCH)
    line.consumer.then(
      consumer => void this.#hear(line, consumer),
      () => {
        line.consumer = undefined
      },
    )
    await line.consumer
  }

  /** Until the consumer ends. Never rejects. */
  async #hear(line: Line, consumer: Consumer): Promise<void> {
    try {
      for await (const batch of consumer) {
        for (const delivery of batch) {
          delivery.ack().catch(() => undefined)
          this.#receive(delivery.message)
        }
      }
    } catch (error) {
      this.#options.runtime.log.debug(`While hearing replies of remote control: ${String(error)}`)
    }
    line.consumer = undefined
  }

  #receive(message: Message): void {
    const decoded = decodeControlReply(message, this.#options.codec)
    if (decoded.kind === 'malformed') {
      this.#options.runtime.log.warning(`A reply of remote control was dropped: ${decoded.detail}`)
      return
    }
    const { reply } = decoded
    this.#clock.adjust(reply.clock ?? 0)
    if (this.#isLate(message)) return
    const call = this.#callOf(reply)
    // What comes when its call is over, or has all it wanted, is of no use to anybody.
    if (call === undefined || call.replies.length >= call.limit) return
    call.replies.push(reply)
    call.patience.onReply?.(reply)
    if (call.replies.length >= call.limit) call.end.resolve()
    else if (call.timer !== undefined) this.#wait(call)
  }

  /** A reply without ticket is taken for what was asked first. */
  #callOf({ ticket }: ControlReply): Call | undefined {
    if (ticket !== undefined) return this.#calls.get(ticket)
    const [first] = this.#calls.values()
    return first
  }

  /** Source: kombu/pidbox.py `Mailbox._collect`. */
  #isLate({ headers }: Message): boolean {
    const expires = headers['expires']
    return typeof expires === 'number' && expires > 0 && this.#options.runtime.clock.now() > expires * 1000
  }

  #opened(): Promise<Line> {
    this.#line ??= this.#open()
    return this.#line
  }

  async #open(): Promise<Line> {
    try {
      const connection = await this.#options.connect(this.#quit.signal)
      const oid = uuid4(this.#options.runtime.random)
      const line: Line = { connection, oid, consumer: undefined }
      const opened = this.#line
      void connection.closed.then(reason => {
        if (this.#line !== opened) return
        this.#line = undefined
        if (reason.kind === 'lost') for (const call of this.#calls.values()) call.end.reject(reason.error)
      })
      return line
    } catch (error) {
      this.#line = undefined
      throw error
    }
  }

  /** Lets connection and reply queue go. */
  #hangUp(): void {
    this.#linger?.[Symbol.dispose]()
    this.#linger = undefined
    const line = this.#line
    if (line === undefined) return
    this.#line = undefined
    const before = this.#closing
    this.#closing = (async () => {
      await before
      const opened = await line.catch(() => undefined)
      const consumer = await opened?.consumer?.catch(() => undefined)
      await consumer?.[Symbol.asyncDispose]()
      await opened?.connection[Symbol.asyncDispose]()
    })()
  }
}

function expiry(now: EpochMs, timeout: Ms): EpochMs | undefined {
  return timeout === 0 ? undefined : now + timeout
}

function closed(): BrokerError {
  return new BrokerError('LVG_CONNECTION_CLOSED', 'The app is closed: nobody can be asked any more.', {
    transient: false,
  })
}
