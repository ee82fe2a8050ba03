import { Batcher } from '../../lib/batcher.js'
import { deferred } from '../../lib/deferred.js'
import type { QueueName } from '../../protocol/ids.js'
import type { CloseReason, Settled } from '../broker.js'
import type { BrokerError } from '../errors.js'
import { messageBytes, type VirtualDelivery } from './delivery.js'
import type { PushEntry, PushOutcome, StoreSession, Verdict } from './queue-store.js'
import { connectionClosed, notSent, publishTrouble, storeTrouble, unroutable } from './trouble.js'
import { HELD_BYTES } from './window.js'

/** Unconfirmed publishes under way at a time (L20, D08); further ones wait their turn. */
const PUBLISH_BATCH = 1_000
const PUBLISH_BYTES: number = 64 * 1024 * 1024
const VERDICT_BATCH = 1_000

/** A consumer, as the link sees it. */
export interface LinkMember extends AsyncDisposable {
  readonly serving: readonly QueueName[]
  /** There is room again: look at the window. */
  ring(): void
  /** The session is gone: stop at once, there is nobody to hand anything back to. */
  end(): void
}

/**
 * One store session, shared by a connection and its consumers: batches what they ask for, counts what they hold, and
 * knows whether the session still lives.
 *
 * Open until `close` (drains, then ends) or until the session is lost (ends at once). From then on a publish that never
 * left is `NotSentError`, one under way `PublishUnknownError`, a verdict `stale`: the store gives back what we held.
 */
export class StoreLink {
  readonly #session: StoreSession
  readonly #members = new Set<LinkMember>()
  readonly #ended = deferred<CloseReason>()
  readonly #publishes: Batcher<PushEntry, PushOutcome, void>
  readonly #verdicts: Batcher<{ readonly delivery: VirtualDelivery; readonly verdict: Verdict }, Settled, Settled>
  readonly #questions: Batcher<VirtualDelivery, boolean, boolean>
  #state: 'open' | 'closing' | 'ended' = 'open'
  #heldBytes = 0
  #staleVerdicts = 0

  constructor(session: StoreSession) {
    this.#session = session
    this.#publishes = new Batcher({
      maxCount: PUBLISH_BATCH,
      maxWeight: PUBLISH_BYTES,
      weigh: entry => messageBytes(entry.message),
      send: entries => session.push(entries),
      answer: publishAnswer,
      abandoned: (phase, cause) => Promise.reject(phase === 'waiting' ? notSent(cause) : publishTrouble(cause)),
    })
    this.#verdicts = new Batcher({
      maxCount: VERDICT_BATCH,
      send: asked => session.settle(asked.map(({ verdict }) => verdict)),
      answer: ({ delivery, verdict }, settled) => this.#settled(delivery, verdict, settled),
      abandoned: (phase, cause) =>
        phase === 'waiting' ? Promise.resolve('stale') : Promise.reject(storeTrouble('settling a delivery', cause)),
    })
    this.#questions = new Batcher({
      maxCount: VERDICT_BATCH,
      send: deliveries => session.current(deliveries.map(({ token }) => token)),
      answer: (delivery, current) => {
        // What is no longer ours gets no verdict any more, so this is where it leaves the window (D87).
        if (!current) delivery.release()
        return current
      },
      abandoned: (phase, cause) =>
        phase === 'waiting' ? Promise.resolve(false) : Promise.reject(storeTrouble('asking for a token', cause)),
    })
    void session.closed.then(reason => this.#sessionClosed(reason))
  }

  /** Settles once, never rejects. */
  get ended(): Promise<CloseReason> {
    return this.#ended.promise
  }

  /** Bytes claimed and not settled. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Verdicts that came after the token was lost (D21). */
  get staleVerdicts(): number {
    return this.#staleVerdicts
  }

  publish(entry: PushEntry, signal: AbortSignal | undefined): Promise<void> {
    if (this.#state === 'closing') return Promise.reject(notSent(connectionClosed('publishing')))
    return this.#publishes.ask(entry, signal)
  }

  settle(delivery: VirtualDelivery, verdict: Verdict): Promise<Settled> {
    return this.#verdicts.ask({ delivery, verdict })
  }

  current(delivery: VirtualDelivery): Promise<boolean> {
    return this.#questions.ask(delivery)
  }

  /** Any other verb of the session. Rejects with `BrokerError`, `LVG_CONNECTION_CLOSED` once the link is closing. */
  async run<T>(doing: string, act: (session: StoreSession) => Promise<T>): Promise<T> {
    if (this.#state !== 'open') throw connectionClosed(doing)
    try {
      return await act(this.#session)
    } catch (cause) {
      throw storeTrouble(doing, cause)
    }
  }

  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    return this.#session.wake(queues, signal)
  }

  trustedUntil(): number {
    return this.#session.trustedUntil()
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes
  }

  unhold(bytes: number): void {
    const full = this.#heldBytes >= HELD_BYTES
    this.#heldBytes -= bytes
    if (full) for (const member of this.#members) member.ring()
  }

  async join(member: LinkMember): Promise<void> {
    this.#members.add(member)
    try {
      await this.announce()
    } catch (error) {
      this.#members.delete(member)
      throw error
    }
  }

  /** Never rejects: a session that cannot be told is on its way out, and takes its consumers along. */
  async leave(member: LinkMember): Promise<void> {
    this.#members.delete(member)
    if (this.#state !== 'ended') await this.#session.consuming(this.#serving()).catch(() => {})
  }

  /** Tells the store which queues are consumed, once per consumer. */
  announce(): Promise<void> {
    return this.run('consuming', session => session.consuming(this.#serving()))
  }

  /** The session is of no use any more. */
  lose(error: BrokerError): void {
    if (this.#state === 'ended') return
    this.#stop(error)
    this.#ended.resolve({ kind: 'lost', error })
    void this.#disposeSession()
  }

  /** Hands back what consumers had not given out, sends what waits, then closes the session, which hands back the rest. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    await Promise.all([...this.#members].map(member => member[Symbol.asyncDispose]()))
    await Promise.all([this.#publishes.drain(), this.#verdicts.drain(), this.#questions.drain()])
    this.#stop(connectionClosed('publishing'))
    await this.#disposeSession()
    this.#ended.resolve({ kind: 'closed' })
  }

  #sessionClosed(reason: CloseReason): void {
    if (reason.kind === 'lost') this.lose(reason.error)
    else this.lose(connectionClosed('going on'))
  }

  #serving(): readonly QueueName[] {
    return [...this.#members].flatMap(member => member.serving)
  }

  #stop(cause: BrokerError): void {
    this.#state = 'ended'
    for (const batcher of [this.#publishes, this.#verdicts, this.#questions]) batcher.end(cause)
    for (const member of this.#members) member.end()
    this.#members.clear()
  }

  #settled(delivery: VirtualDelivery, verdict: Verdict, settled: Settled): Settled {
    if (settled === 'stale') this.#staleVerdicts++
    // What has begun is still held.
    if (verdict.kind !== 'begin' || settled === 'stale') delivery.release()
    return settled
  }

  /** A session that cannot even be closed is one more lost one: its lease ends by itself. */
  async #disposeSession(): Promise<void> {
    try {
      await this.#session[Symbol.asyncDispose]()
    } catch {}
  }
}

/** Nothing is made for those that were accepted: nearly all. */
function publishAnswer(entry: PushEntry, outcome: PushOutcome): Promise<void> | undefined {
  switch (outcome.kind) {
    case 'accepted':
    case 'duplicate':
      return undefined
    case 'unroutable':
      // An event without a listener must not cost an error.
      return entry.mandatory === false ? undefined : Promise.reject(unroutable(entry.to))
    case 'failed':
      return Promise.reject(publishTrouble(outcome.error))
    default:
      return outcome satisfies never
  }
}
