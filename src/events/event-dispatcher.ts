import type { Connection, Exchange } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import type { LamportClock } from '../lib/lamport-clock.js'
import { endOfTurn } from '../lib/node-turn.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { ClusterEvent } from '../protocol/cluster-event.js'
import type { Codec } from '../protocol/codec.js'
import { encodeEvent, encodeEvents, eventBatchRoutingKey, eventRoutingKey } from '../protocol/event-message.js'
import type { Message } from '../protocol/message.js'
import { type EventAmount, EventBuffer, type WaitingEvent } from './event-buffer.js'
import { utcOffset } from './utc-offset.js'

export interface EventDispatcherParts {
  readonly runtime: Runtime
  /** Who speaks: a node name, or `gen<pid>@<host>` of a client. */
  readonly hostname: string
  /** The application's clock. */
  readonly clock: LamportClock
  readonly codec: Codec
  /** Setting `eventSerializer`. */
  readonly serializer: string
  /** Send events about tasks from the start (`-E`). */
  readonly taskEvents: boolean
}

/** An event on its way, but for its exchange. */
export interface EventMessage {
  readonly message: Message
  readonly routingKey: string
  readonly publishId: string
}

type Fields = Readonly<Record<string, unknown>>

/** The connection that is sent over. */
interface Line {
  readonly connection: Connection
  readonly exchange: Exchange
  declared: 'no' | 'asked' | 'yes'
}

/** In one message, which costs as much as several events (bench row `events-on-redis`). Celery: 24 (celery/events/dispatcher.py `buffer_limit`). */
const MOST_TOGETHER: EventAmount = Object.freeze({ count: 100, text: 1024 * 1024 })
/** Messages whose confirmation is waited for. More wait here, so that events never crowd out what matters. */
const MOST_UNDER_WAY = 64
/** L16. */
const LIMITS: EventAmount = Object.freeze({ count: 10_000, text: 32 * 1024 * 1024 })
/** How long a closing connection is kept for the last events. */
const LAST_WORDS: Ms = 2000
/** Before what could not be sent is tried again on the same connection. */
const PAUSE: Ms = 1000
const OFFSET_AGE: Ms = 60_000

/**
 * Sends events: what happens in a worker, told to whoever listens.
 *
 * Events about tasks are collected until the end of the turn, or until there are 100, and travel as a list; all others
 * travel alone, at once. Nobody waits for an event. While there is no connection they are kept here, the latest 10,000, and
 * sent on the next one; older ones are dropped and counted (L16).
 *
 * Modes: *away* (no connection; everything is kept) and *attached*, from `attach` until what it gave is disposed or the
 * connection is lost. Source: celery/events/dispatcher.py `EventDispatcher`.
 */
export class EventDispatcher {
  readonly #parts: EventDispatcherParts
  readonly #buffer = new EventBuffer(LIMITS)
  #publishId: string | undefined
  #taskEvents: boolean
  #line: Line | undefined
  #published = 0
  #underWay = 0
  #scheduled = false
  #pause: Disposable | undefined
  #drained: Deferred<void> | undefined
  #offset = 0
  #offsetAt: EpochMs | undefined

  constructor(parts: EventDispatcherParts) {
    this.#parts = parts
    this.#taskEvents = parts.taskEvents
  }

  /** Are events about tasks sent? Ask before making one. */
  get taskEvents(): boolean {
    return this.#taskEvents
  }

  /** Events that were never sent, for want of a connection or of room. */
  get dropped(): number {
    return this.#buffer.dropped
  }

  /** Events that wait for a connection or the end of the turn. */
  get waiting(): number {
    return this.#buffer.size
  }

  /** False: it was so already. */
  enableTaskEvents(): boolean {
    if (this.#taskEvents) return false
    this.#taskEvents = true
    return true
  }

  /** False: it was so already. What was collected is still sent. */
  disableTaskEvents(): boolean {
    if (!this.#taskEvents) return false
    this.#taskEvents = false
    return true
  }

  /** An event about a task: travels with others. Fields are plain text, numbers and flags. */
  sendTaskEvent(type: string, fields: Fields): void {
    this.#buffer.push(this.#event(type, fields), true)
    if (this.#buffer.size >= MOST_TOGETHER.count) this.#pump()
    else this.#schedule()
  }

  /** An event that travels alone, behind those that were sent before it. Throws `EncodeError` for fields that cannot be sent. */
  send(type: string, fields: Fields): void {
    const event = this.#event(type, fields)
    // Said to whoever made it, not to a log when it is too late.
    encodeEvent(event, this.#parts.codec, this.#parts.serializer)
    this.#buffer.push(event, false)
    this.#pump()
  }

  /** An event as a message of its own, for whoever sends it by other ways. Throws `EncodeError`. */
  message(type: string, fields: Fields): EventMessage {
    const { codec, serializer } = this.#parts
    return {
      message: encodeEvent(this.#event(type, fields), codec, serializer),
      routingKey: eventRoutingKey(type),
      publishId: this.#nextPublishId(),
    }
  }

  /** Only while somebody could hear it: what is true now and not worth keeping, such as a heartbeat. */
  sendNow(type: string, fields: Fields): void {
    if (this.#line !== undefined) this.send(type, fields)
  }

  /** Sends over this connection, what has been kept first, until what it gives is disposed. The exchange is declared with the first event. */
  attach(connection: Connection, exchange: Exchange): AsyncDisposable {
    const line: Line = { connection, exchange, declared: 'no' }
    this.#line = line
    this.#pause?.[Symbol.dispose]()
    this.#pause = undefined
    void connection.closed.then(() => this.#detach(line))
    this.#pump()
    return {
      [Symbol.asyncDispose]: async () => {
        await this.#lastWords()
        this.#detach(line)
      },
    }
  }

  #event(type: string, fields: Fields): ClusterEvent {
    const { runtime, hostname, clock } = this.#parts
    const timestamp = runtime.clock.now()
    return {
      type,
      hostname,
      pid: runtime.host.pid,
      clock: clock.forward(),
      timestamp,
      utcoffset: this.#utcOffset(timestamp),
      fields,
    }
  }

  /** Asked for once a minute: it changes with the seasons. */
  #utcOffset(now: EpochMs): number {
    if (this.#offsetAt === undefined || Math.abs(now - this.#offsetAt) > OFFSET_AGE) {
      this.#offset = utcOffset(now)
      this.#offsetAt = now
    }
    return this.#offset
  }

  #schedule(): void {
    if (this.#scheduled || this.#line === undefined) return
    this.#scheduled = true
    endOfTurn(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const line = this.#line
    if (line === undefined || this.#pause !== undefined || !this.#isReady(line)) return
    while (this.#underWay < MOST_UNDER_WAY) {
      const taken = this.#buffer.take(MOST_TOGETHER)
      if (taken.length === 0) break
      this.#publish(taken, line)
    }
    if (this.#underWay === 0) this.#drained?.resolve()
  }

  /** Declares the exchange when there is something to send. */
  #isReady(line: Line): boolean {
    if (line.declared === 'yes' || this.#buffer.size === 0) return true
    if (line.declared === 'no') {
      line.declared = 'asked'
      line.connection.declare({ exchanges: [line.exchange] }).then(
        () => {
          line.declared = 'yes'
          this.#pump()
        },
        (error: unknown) => this.#undeclared(line, error),
      )
    }
    return false
  }

  /** Nothing can be sent over this connection; on the next one it is tried again. */
  #undeclared(line: Line, error: unknown): void {
    if (this.#line !== line) return
    this.#detach(line)
    // A lost connection says so itself.
    if (error instanceof BrokerError && error.transient) return
    this.#parts.runtime.log.error(
      `No events on this connection: ${error instanceof Error ? error.message : String(error)}`,
    )
  }

  #nextPublishId(): string {
    this.#publishId ??= `ev${Buffer.from(this.#parts.runtime.random.bytes(12)).toString('base64url')}`
    return this.#publishId + (this.#published++).toString(36)
  }

  #publish(taken: readonly WaitingEvent[], { connection, exchange }: Line): void {
    const [first, ...others] = taken
    if (first === undefined) return
    const { codec, serializer } = this.#parts
    const { type } = first.event
    let message: Message
    try {
      message = first.inGroup
        ? encodeEvents([first.event, ...others.map(one => one.event)], codec, serializer)
        : encodeEvent(first.event, codec, serializer)
    } catch (error) {
      this.#refused(taken, error)
      return
    }
    const routingKey = first.inGroup ? eventBatchRoutingKey(type) : eventRoutingKey(type)
    const publishId = this.#nextPublishId()
    this.#underWay++
    connection
      .publish(message, { exchange: exchange.name, routingKey }, { publishId, mandatory: false, once: true })
      .then(
        () => this.#answered(),
        error => {
          if (error instanceof BrokerError && error.transient) this.#again(taken)
          else this.#refused(taken, error)
          this.#answered()
        },
      )
  }

  /** The connection is lost, which it will say itself, or the broker has no room: neither gets better by asking at once. */
  #again(taken: readonly WaitingEvent[]): void {
    this.#buffer.giveBack(taken)
    this.#pause ??= this.#parts.runtime.clock.timer(PAUSE, () => {
      this.#pause = undefined
      this.#pump()
    })
  }

  #refused(taken: readonly WaitingEvent[], error: unknown): void {
    this.#buffer.drop(taken.length)
    const why = error instanceof Error ? error.message : String(error)
    this.#parts.runtime.log.warning(`${taken.length} events could not be sent: ${why}`)
  }

  #answered(): void {
    this.#underWay--
    this.#pump()
  }

  #detach(line: Line): void {
    if (this.#line !== line) return
    this.#line = undefined
    this.#pause?.[Symbol.dispose]()
    this.#pause = undefined
    this.#drained?.resolve()
  }

  /** Everything is out, or it takes too long. */
  async #lastWords(): Promise<void> {
    this.#pump()
    if (this.#line === undefined || (this.#underWay === 0 && this.#buffer.size === 0)) return
    const drained = deferred<void>()
    this.#drained = drained
    using _timer = this.#parts.runtime.clock.timer(LAST_WORDS, () => drained.resolve())
    await drained.promise
    this.#drained = undefined
  }
}
