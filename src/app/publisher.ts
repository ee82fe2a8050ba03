import { type Broker, type Connection, keepsDelays, type Queue } from '../brokers/broker.js'
import { BrokerError, NotSentError, PublishUnknownError, UnroutableError } from '../brokers/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import { dial } from './dial.js'
import type { Outgoing } from './outgoing.js'
import type { RetryPolicy } from './setting-types.js'

/** How an app publishes; all from settings. */
export interface PublisherOptions {
  readonly runtime: Runtime
  /** Shown by the broker's own tools. */
  readonly name: string
  /** Asked for once per connection. */
  broker(): Promise<Broker>
  readonly timeout: Ms
  /** Longest wait for a connection; undefined = as long as the broker takes. */
  readonly connectTimeout: Ms | undefined
  /** Undefined = a publish is tried once. */
  readonly retry: RetryPolicy | undefined
  /** Most unconfirmed messages (D08). */
  readonly maxPending: number
  /** Most unconfirmed bytes (D08). */
  readonly maxPendingBytes: number
  /** Answers come to this app, and it tells of them with `answered`. */
  readonly hearsAnswers: boolean
}

export interface PublishLimits {
  readonly timeout?: Ms | undefined
  readonly signal?: AbortSignal | undefined
}

/** Pauses between attempts to connect, shared by everything that waits. */
const CONNECT_BACKOFF: BackoffRule = { first: 100, cap: 2000 }

/** A message on its way. */
interface Entry {
  readonly outgoing: Outgoing
  readonly bytes: number
  /** Order of arrival: kept over retries where it can be (D07). */
  readonly order: number
  readonly deadline: SteadyMs
  readonly timeout: Ms
  readonly settled: Deferred<void>
  attempts: number
  /** An attempt may have reached the broker: from now on nobody can say "certainly not accepted" (D06). */
  doubt: unknown
  place: 'waiting' | 'sent' | 'pausing' | 'over'
  pause: Disposable | undefined
}

/** The one connection, and the queues declared on it. */
interface Line {
  readonly broker: Broker
  readonly connection: Connection
  readonly declared: Set<string>
  /** Messages wait for this declaration, which must answer by then. */
  declaring: SteadyMs | undefined
}

/**
 * Publishes over one connection, made on demand and made again after it was lost.
 *
 * A message waits its turn until there is a connection, its queue is declared, and fewer than `maxPending` messages and
 * `maxPendingBytes` are unconfirmed; then it is sent, and settles when the broker answers. Whatever happens, it settles
 * within its timeout: as accepted, `NotSentError`, `PublishUnknownError`, or what the broker refused it with (D04, D06).
 * An answer to it proves as much as the broker's: RabbitMQ has a message run before the disk has it, and confirms it after.
 *
 * Modes: *idle* has no connection and nothing waits; *connecting* while messages wait for one; *connected*; *resting*
 * between two attempts to connect; *closed* after disposal, when publishing is refused. A lost connection leads back to
 * idle: what was unconfirmed on it fails by itself and is tried again under the retry policy, with the same ids (D05).
 */
export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions
  readonly #live = new Set<Entry>()
  readonly #answerable = new Map<string, Entry>()
  readonly #quit = new AbortController()
  readonly #waiting = new WaitingLine()
  #line: Line | undefined
  #connecting: Promise<void> | undefined
  /** Why there is no connection. */
  #lastTrouble: BrokerError | undefined
  #failures = 0
  #sent = 0
  #sentBytes = 0
  #order = 0
  #alarm: { readonly at: SteadyMs; readonly timer: Disposable } | undefined
  #drained: Deferred<void> | undefined
  #closed: Promise<void> | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Resolves when the broker has taken responsibility (D01). */
  publish(outgoing: Outgoing, limits: PublishLimits = {}): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(notSent('the app is closed', undefined, false))
    if (limits.signal?.aborted) return Promise.reject(notSent('it was aborted', limits.signal.reason, false))
    const timeout = limits.timeout ?? this.#options.timeout
    const entry: Entry = {
      outgoing,
      bytes: outgoing.message.body.byteLength,
      order: this.#order++,
      deadline: this.#options.runtime.clock.steady() + timeout,
      timeout,
      settled: deferred(),
      attempts: 0,
      doubt: undefined,
      place: 'waiting',
      pause: undefined,
    }
    this.#live.add(entry)
    if (this.#options.hearsAnswers && outgoing.answeredAs !== undefined) {
      this.#answerable.set(outgoing.answeredAs, entry)
    }
    this.#watch(entry.deadline)
    this.#waiting.push(entry)
    this.#pump()
    return limits.signal === undefined ? entry.settled.promise : this.#abortable(entry, limits.signal)
  }

  /**
   * A worker has told the end of what was published as this: the broker must have had it, whether it has said so or not. A state
   * on the way proves less: a broker may forget what it has not confirmed, and its worker may die before the end.
   */
  answered(as: string): void {
    const entry = this.#answerable.get(as)
    if (entry !== undefined) this.#end(entry, undefined)
  }

  /** Waits until everything under way has settled, which the timeout bounds; then closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  async #close(): Promise<void> {
    if (this.#live.size > 0) {
      this.#drained = deferred()
      await this.#drained.promise
    }
    this.#quit.abort(notSent('the app is closed', undefined, false))
    await this.#connecting
    const line = this.#line
    this.#line = undefined
    await line?.connection[Symbol.asyncDispose]()
  }

  async #abortable(entry: Entry, signal: AbortSignal): Promise<void> {
    const abort = (): void => this.#end(entry, this.#unfinished(entry, 'it was aborted', signal.reason))
    signal.addEventListener('abort', abort, { once: true })
    try {
      await entry.settled.promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Sends what can be sent. Called whenever something may have become possible. */
  #pump(): void {
    for (let entry = this.#waiting.first(); entry !== undefined; entry = this.#waiting.first()) {
      const line = this.#line
      if (line === undefined) {
        this.#connect()
        return
      }
      if (line.declaring !== undefined || !this.#hasRoom(entry)) return
      const { queue } = entry.outgoing
      if (queue === undefined || line.declared.has(queue.name)) {
        this.#waiting.shift()
        this.#send(entry, line)
      } else this.#declare(line, entry, queue)
    }
  }

  /** A message larger than the whole allowance goes alone. */
  #hasRoom(entry: Entry): boolean {
    if (this.#sent === 0) return true
    const { maxPending, maxPendingBytes } = this.#options
    return this.#sent < maxPending && this.#sentBytes + entry.bytes <= maxPendingBytes
  }

  #send(entry: Entry, line: Line): void {
    const { message, to, publishId, notBefore, mandatory } = entry.outgoing
    const options = {
      publishId,
      ...(notBefore !== undefined && keepsDelays(line.broker.features) ? { notBefore } : undefined),
      ...(mandatory === undefined ? undefined : { mandatory }),
    }
    entry.place = 'sent'
    entry.attempts++
    this.#sent++
    this.#sentBytes += entry.bytes
    line.connection.publish(message, to, options).then(
      () => this.#answered(entry, undefined),
      (error: unknown) => this.#answered(entry, asBrokerError(error)),
    )
  }

  #answered(entry: Entry, error: BrokerError | undefined): void {
    this.#sent--
    this.#sentBytes -= entry.bytes
    if (entry.place === 'sent') {
      if (error === undefined) this.#end(entry, undefined)
      else this.#failed(entry, error)
    }
    this.#pump()
  }

  /** The same message again, with the same ids, if waiting may help; else the error (D05). */
  #failed(entry: Entry, error: BrokerError): void {
    if (error instanceof PublishUnknownError) entry.doubt = error
    const pause = this.#pauseBefore(entry, error)
    if (pause === undefined) this.#end(entry, this.#verdict(entry, error))
    else if (pause === 0) this.#again(entry)
    else {
      entry.place = 'pausing'
      entry.pause = this.#options.runtime.clock.timer(pause, () => this.#again(entry))
    }
  }

  /** Undefined: there is no further attempt. */
  #pauseBefore(entry: Entry, error: BrokerError): Ms | undefined {
    const { retry } = this.#options
    if (error instanceof UnroutableError && this.#vanished(entry)) return 0
    if (!error.transient || retry === undefined || entry.attempts > retry.maxRetries) return undefined
    return Math.min(retry.intervalMax, retry.intervalStart + retry.intervalStep * (entry.attempts - 1))
  }

  /**
   * The queue was there when the message was sent and may have been deleted since: worth declaring again, once. Others that were
   * under way with it come here too, and may find that done already.
   */
  #vanished(entry: Entry): boolean {
    const { queue } = entry.outgoing
    if (entry.attempts !== 1 || queue === undefined) return false
    this.#line?.declared.delete(queue.name)
    return true
  }

  #again(entry: Entry): void {
    if (entry.place === 'over') return
    entry.place = 'waiting'
    this.#waiting.insert(entry)
    this.#pump()
  }

  /** What a failed publish ends with: "not sent" is only said when no earlier attempt left a doubt. */
  #verdict(entry: Entry, error: BrokerError): BrokerError {
    if (entry.doubt !== undefined) return unknown('the broker did not answer', entry.doubt)
    if (error.constructor === BrokerError) return notSent(error.message, error, error.transient)
    return error
  }

  #unfinished(entry: Entry, why: string, cause?: unknown): BrokerError {
    if (entry.place === 'sent' || entry.doubt !== undefined) return unknown(why, cause ?? entry.doubt)
    return notSent(why, cause ?? this.#lastTrouble, true)
  }

  #connect(): void {
    if (this.#connecting !== undefined) return
    this.#connecting = this.#tryConnect().finally(() => {
      this.#connecting = undefined
      this.#pump()
    })
  }

  /** One attempt, after a pause when the last one failed. Never rejects. */
  async #tryConnect(): Promise<void> {
    const { runtime } = this.#options
    const { signal } = this.#quit
    try {
      if (this.#failures > 0) {
        await runtime.clock.sleep(backoff(this.#failures - 1, CONNECT_BACKOFF, runtime.random), signal)
      }
      const broker = await this.#options.broker()
      const connection = await dial(broker, this.#options, signal)
      this.#adopt({ broker, connection, declared: new Set(), declaring: undefined })
    } catch (error) {
      if (!signal.aborted) this.#refused(error)
    }
  }

  #adopt(line: Line): void {
    this.#line = line
    this.#failures = 0
    this.#lastTrouble = undefined
    void line.connection.closed.then(reason => {
      if (this.#line !== line) return
      this.#line = undefined
      if (reason.kind === 'lost') this.#lastTrouble = reason.error
      this.#pump()
    })
  }

  /** An attempt to connect failed: everything that waits has used up one of its own attempts. */
  #refused(error: unknown): void {
    const waiting = this.#waiting.take()
    // A configuration that cannot work is told to everybody as it is: no retry mends it.
    if (!(error instanceof BrokerError)) {
      for (const entry of waiting) this.#end(entry, error)
      return
    }
    this.#failures++
    this.#lastTrouble = error
    for (const entry of waiting) {
      if (entry.place === 'over') continue
      entry.attempts++
      this.#failed(entry, error)
    }
  }

  #declare(line: Line, entry: Entry, queue: Queue): void {
    line.declaring = entry.deadline
    line.connection.declare({ queues: [queue] }).then(
      () => {
        line.declared.add(queue.name)
        this.#declared(line)
      },
      (error: unknown) => {
        if (this.#waiting.remove(entry)) {
          entry.attempts++
          this.#failed(entry, asBrokerError(error, notSentAgain))
        }
        this.#declared(line)
      },
    )
  }

  #declared(line: Line): void {
    line.declaring = undefined
    this.#pump()
  }

  /** A connection that does not even answer a declaration is not one: the next message gets a new one. */
  #dropSilent(now: SteadyMs): void {
    const line = this.#line
    if (line?.declaring === undefined || line.declaring > now) return
    this.#line = undefined
    void line.connection[Symbol.asyncDispose]()
  }

  #end(entry: Entry, error: unknown): void {
    if (entry.place === 'over') return
    entry.place = 'over'
    entry.pause?.[Symbol.dispose]()
    this.#live.delete(entry)
    if (entry.outgoing.answeredAs !== undefined) this.#answerable.delete(entry.outgoing.answeredAs)
    if (error === undefined) entry.settled.resolve()
    else entry.settled.reject(error)
    if (this.#live.size > 0) return
    this.#alarm?.timer[Symbol.dispose]()
    this.#alarm = undefined
    this.#drained?.resolve()
  }

  /** One timer for all: it rings at the earliest deadline there was, and looks at everything that is under way. */
  #watch(deadline: SteadyMs): void {
    const { clock } = this.#options.runtime
    if (this.#alarm !== undefined) {
      if (this.#alarm.at <= deadline) return
      this.#alarm.timer[Symbol.dispose]()
    }
    const timer = clock.timer(deadline - clock.steady(), () => this.#ring())
    this.#alarm = { at: deadline, timer }
  }

  #ring(): void {
    this.#alarm = undefined
    const now = this.#options.runtime.clock.steady()
    let next = Number.POSITIVE_INFINITY
    for (const entry of [...this.#live]) {
      if (entry.deadline <= now) this.#end(entry, this.#unfinished(entry, `no answer within ${entry.timeout / 1000} s`))
      else next = Math.min(next, entry.deadline)
    }
    if (next < Number.POSITIVE_INFINITY) this.#watch(next)
    this.#waiting.sweep()
    this.#dropSilent(now)
    this.#pump()
  }
}

/** Messages that wait, in the order they came. Those that are over are skipped, and swept out when the alarm rings. */
class WaitingLine {
  #entries: Entry[] = []
  #head = 0

  first(): Entry | undefined {
    while (this.#entries[this.#head]?.place === 'over') this.shift()
    return this.#entries[this.#head]
  }

  /** Moving the head instead of the entries keeps a long line cheap. */
  shift(): void {
    this.#head++
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  push(entry: Entry): void {
    if (this.#head === this.#entries.length) {
      this.#entries.length = 0
      this.#head = 0
    }
    this.#entries.push(entry)
  }

  /** At its old place. */
  insert(entry: Entry): void {
    let at = this.#entries.length
    while (at > this.#head && (this.#entries[at - 1] as Entry).order > entry.order) at--
    this.#entries.splice(at, 0, entry)
  }

  /** False when it does not wait (any more). */
  remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry, this.#head)
    if (at < 0 || entry.place === 'over') return false
    this.#entries.splice(at, 1)
    return true
  }

  take(): readonly Entry[] {
    const entries = this.#entries.slice(this.#head)
    this.#entries = []
    this.#head = 0
    return entries
  }

  sweep(): void {
    this.#entries = this.take().filter(entry => entry.place !== 'over')
  }
}

function asBrokerError(error: unknown, as: (why: string, cause: unknown) => BrokerError = unknown): BrokerError {
  if (error instanceof BrokerError) return error
  return as(error instanceof Error ? error.message : String(error), error)
}

function notSent(why: string, cause: unknown, transient: boolean): NotSentError {
  const text = cause instanceof Error && !why.includes(cause.message) ? `${why} (${cause.message})` : why
  return new NotSentError('LVG_NOT_SENT', `The task was not sent: ${text}. It is safe to publish it again.`, {
    cause,
    transient,
  })
}

const notSentAgain = (why: string, cause: unknown): NotSentError => notSent(why, cause, true)

function unknown(why: string, cause: unknown): PublishUnknownError {
  const message = `It is not known whether the broker has the task: ${why}. It may run; publish it again only with the same id.`
  return new PublishUnknownError('LVG_PUBLISH_UNKNOWN', message, { cause, transient: true })
}
