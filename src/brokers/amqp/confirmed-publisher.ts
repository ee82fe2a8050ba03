import type { AmqpChannel, AmqpConfirm, AmqpProperties, AmqpReturned } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Message } from '../../protocol/message.js'
import type { Address } from '../broker.js'
import { unroutable } from '../virtual/trouble.js'
import { toAmqpBody, toAmqpProperties } from './amqp-message.js'
import { type AmqpPlace, blocked, notSent, refusedByQueue, refusedPublish, unanswered } from './trouble.js'

export interface ConfirmedPublisherParts {
  readonly place: AmqpPlace
  readonly clock: Clock
  /** Opened when something is published for the first time. */
  wire(): Promise<AmqpWire>
  /** Off: a publish counts when it is written (D01). */
  readonly confirms: boolean
  /** How long publishes wait here while RabbitMQ takes none (D04). */
  readonly blockedWait: Ms
  /** A message reached no queue: what was declared may be gone. */
  unrouted(): void
}

interface Entry {
  readonly to: Address
  /** It must reach a queue. */
  readonly mandatory: boolean
  readonly properties: AmqpProperties
  readonly body: Buffer
  readonly settled: Deferred<void>
  /** `over`: its caller has been answered. */
  state: 'waiting' | 'sent' | 'returned' | 'over'
}

/**
 * Publishes over one channel in confirm mode, any number at a time (who bounds them is app/publisher.ts, D08).
 *
 * Modes: *closed* without a channel, until something is published; *opening*; *open*; *blocked* while RabbitMQ has an
 * alarm, when nothing more is written; *ended* with its connection. A channel that RabbitMQ closes because of one message
 * takes no other message with it: those behind it were certainly not taken, those before it are in doubt.
 *
 * A message for an exchange that nobody here has declared is looked after first, once per exchange: publishing to one that
 * does not exist would close the channel under the others.
 */
export class ConfirmedPublisher {
  readonly #parts: ConfirmedPublisherParts
  readonly #known = new Set<string>([''])
  /** In order of publishing: what is not written yet. */
  #queue: Entry[] = []
  /** Written, answered ones undefined; the first has the tag `#base`, and none before `#first` is unanswered. */
  #sent: (Entry | undefined)[] = []
  #base = 1
  #first = 0
  #unanswered = 0
  #channel: AmqpChannel | undefined
  #opening: Promise<void> | undefined
  #checking = false
  #blocked: { readonly reason: string; patient: boolean; readonly timer: Disposable } | undefined
  #ended: string | undefined
  #drained: Deferred<void> | undefined

  constructor(parts: ConfirmedPublisherParts) {
    this.#parts = parts
  }

  /** These exist. */
  know(exchange: string): void {
    this.#known.add(exchange)
  }

  /** Everything about exchanges is to be asked again. */
  forget(): void {
    this.#known.clear()
    this.#known.add('')
  }

  publish(
    message: Message,
    to: Address,
    { mandatory = true, signal }: { readonly mandatory?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(notSent(this.#ended, true))
    if (signal?.aborted) return Promise.reject(notSent('it was aborted', false, signal.reason))
    let entry: Entry
    try {
      entry = {
        to,
        mandatory,
        properties: toAmqpProperties(message),
        body: toAmqpBody(message),
        settled: deferred(),
        state: 'waiting',
      }
    } catch (cause) {
      return Promise.reject(notSent(textOf(cause), false, cause))
    }
    if (this.#blocked?.patient === false) return Promise.reject(blocked(this.#blocked.reason, this.#parts.place))
    this.#queue.push(entry)
    this.#pump()
    return signal === undefined ? entry.settled.promise : this.#abortable(entry, signal)
  }

  /** Resolves when nothing waits for an answer. */
  async drain(): Promise<void> {
    if (this.#queue.length === 0 && this.#unanswered === 0) return
    this.#drained ??= deferred()
    await this.#drained.promise
  }

  /** The connection is gone. What was written is in doubt, the rest was certainly not sent. */
  end(why: string): void {
    if (this.#ended !== undefined) return
    this.#ended = why
    this.#blocked?.timer[Symbol.dispose]()
    this.#failSent(() => unanswered(why))
    this.#failQueue(() => notSent(why, true))
    this.#rest()
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#blocked === undefined && !this.#checking) {
      const channel = this.#channel
      const [entry] = this.#queue as [Entry]
      if (entry.state === 'over') this.#queue.shift()
      else if (channel === undefined) {
        this.#open()
        return
      } else if (this.#known.has(entry.to.exchange)) {
        this.#queue.shift()
        this.#send(entry, channel)
      } else this.#check(entry.to.exchange)
    }
    this.#rest()
  }

  #send(entry: Entry, channel: AmqpChannel): void {
    const { to, mandatory, properties, body } = entry
    try {
      channel.publish(to.exchange, to.routingKey, mandatory, properties, body)
    } catch (cause) {
      // Not written: the encoder refused it, or the channel died in this very turn and says so in a moment.
      this.#answer(entry, notSent(textOf(cause), !channel.open, cause))
      return
    }
    entry.state = 'sent'
    if (!this.#parts.confirms) {
      this.#answer(entry, undefined)
      return
    }
    this.#sent.push(entry)
    this.#unanswered++
  }

  #open(): void {
    this.#opening ??= this.#openChannel().finally(() => {
      this.#opening = undefined
      this.#pump()
    })
  }

  /** Never rejects. */
  async #openChannel(): Promise<void> {
    try {
      const wire = await this.#parts.wire()
      const channel = await wire.channel()
      channel.listen({
        confirmed: (confirm, accepted) => this.#confirmed(confirm, accepted),
        returned: message => this.#returned(message),
      })
      if (this.#parts.confirms) await channel.confirms()
      if (this.#ended !== undefined) return await channel.close()
      this.#base = 1
      this.#takeSent()
      this.#channel = channel
      void channel.closed.then(error => this.#channelClosed(channel, error))
    } catch (cause) {
      this.#failQueue(() => notSent(textOf(cause), true, cause))
    }
  }

  /** Told by the connection. */
  alarm(reason: string | undefined): void {
    this.#blocked?.timer[Symbol.dispose]()
    this.#blocked = undefined
    if (reason === undefined) {
      this.#pump()
      return
    }
    const timer = this.#parts.clock.timer(this.#parts.blockedWait, () => {
      if (this.#blocked !== undefined) this.#blocked.patient = false
      this.#failQueue(() => blocked(reason, this.#parts.place))
    })
    this.#blocked = { reason, patient: true, timer }
  }

  #check(exchange: string): void {
    this.#checking = true
    void this.#look(exchange).then(found => {
      this.#checking = false
      if (found === 'there') this.#known.add(exchange)
      else {
        for (const entry of this.#queue) {
          if (entry.to.exchange !== exchange) continue
          if (found === 'missing') this.#answer(entry, entry.mandatory ? unroutable(entry.to) : undefined)
          else this.#answer(entry, notSent(found, true))
        }
        if (found === 'missing') this.#parts.unrouted()
      }
      this.#pump()
    })
  }

  /** On a channel of its own, which a missing exchange closes. Passive declarations need no right. */
  async #look(exchange: string): Promise<'there' | 'missing' | string> {
    try {
      const wire = await this.#parts.wire()
      const channel = await wire.channel()
      await channel.lookAtExchange(exchange)
      await channel.close()
      return 'there'
    } catch (cause) {
      return (cause as AmqpError).reply === 404 ? 'missing' : textOf(cause)
    }
  }

  #confirmed({ deliveryTag, multiple }: AmqpConfirm, accepted: boolean): void {
    const at = deliveryTag - this.#base
    for (let i = multiple ? this.#first : at; i <= at; i++) {
      const entry = this.#sent[i]
      if (entry === undefined) continue
      this.#sent[i] = undefined
      this.#unanswered--
      if (entry.state === 'returned') this.#answer(entry, unroutable(entry.to))
      else this.#answer(entry, accepted ? undefined : refusedByQueue(entry.to.routingKey))
    }
    this.#forgetAnswered()
    this.#rest()
  }

  /** Moving a mark instead of the entries keeps a thousand in flight cheap. */
  #forgetAnswered(): void {
    while (this.#first < this.#sent.length && this.#sent[this.#first] === undefined) this.#first++
    if (this.#first < this.#sent.length && this.#first < 1024) return
    this.#sent = this.#sent.slice(this.#first)
    this.#base += this.#first
    this.#first = 0
  }

  /**
   * A message that reached no queue comes back before its confirm, without its tag. It is the first written one that
   * looks the same: messages that do not differ at all have the same fate, or had it in this order.
   */
  #returned({ fields, properties, content }: AmqpReturned): void {
    const same = (entry: Entry | undefined): entry is Entry =>
      entry?.state === 'sent' &&
      entry.to.exchange === fields.exchange &&
      entry.to.routingKey === fields.routingKey &&
      entry.properties.correlationId === properties.correlationId &&
      entry.properties.messageId === properties.messageId &&
      entry.body.equals(content)
    const entry = this.#sent.find(same)
    if (entry !== undefined) entry.state = 'returned'
    this.#parts.unrouted()
  }

  /** Closed by RabbitMQ because of something we published, or with its connection (then `end` follows). */
  #channelClosed(channel: AmqpChannel, error: AmqpError | undefined): void {
    if (this.#channel !== channel) return
    this.#channel = undefined
    if (error === undefined) return
    const { place } = this.#parts
    const culprit = this.#sent.findIndex(entry => entry !== undefined && isCulprit(entry, error))
    const sent = this.#takeSent()
    this.#parts.unrouted()
    sent.forEach((entry, at) => {
      if (entry === undefined) return
      if (culprit < 0)
        this.#answer(entry, sent.length === 1 ? refusedPublish(error, place) : unanswered(error.message, error))
      else if (at < culprit) this.#answer(entry, unanswered(error.message, error))
      else if (!isCulprit(entry, error)) this.#answer(entry, notSent(error.message, true, error))
      else this.#answer(entry, error.reply === 404 ? unroutable(entry.to) : refusedPublish(error, place))
    })
    this.#pump()
  }

  #takeSent(): readonly (Entry | undefined)[] {
    const sent = this.#sent.slice(this.#first)
    this.#sent = []
    this.#first = 0
    this.#unanswered = 0
    return sent
  }

  #failSent(error: () => Error): void {
    for (const entry of this.#takeSent()) if (entry !== undefined) this.#answer(entry, error())
  }

  #failQueue(error: () => Error): void {
    const queue = this.#queue
    this.#queue = []
    for (const entry of queue) this.#answer(entry, error())
    this.#rest()
  }

  #answer(entry: Entry, error: Error | undefined): void {
    if (entry.state === 'over') return
    entry.state = 'over'
    if (error === undefined) entry.settled.resolve()
    else entry.settled.reject(error)
  }

  async #abortable(entry: Entry, signal: AbortSignal): Promise<void> {
    const abort = (): void => {
      const sent = entry.state === 'sent'
      this.#answer(
        entry,
        sent ? unanswered('it was aborted', signal.reason) : notSent('it was aborted', false, signal.reason),
      )
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      await entry.settled.promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  #rest(): void {
    if (this.#queue.length > 0 || this.#unanswered > 0) return
    const drained = this.#drained
    this.#drained = undefined
    drained?.resolve()
  }
}

/** Does the channel's error speak of this message? */
function isCulprit({ to, body, properties }: Entry, error: AmqpError): boolean {
  if (error.reply === 404 || error.reply === 403)
    return (
      error.message.includes(`exchange '${to.exchange || 'amq.default'}'`) ||
      (to.exchange === '' && /exchange '(amq\.default)?'/.test(error.message))
    )
  if (/message size (\d+)/.test(error.message))
    return Number(/message size (\d+)/.exec(error.message)?.[1]) === body.length
  return /user_id/.test(error.message) && properties.userId !== undefined
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
