import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { Address, Binding, CloseReason, QueueStats, Settled, Topology } from '../broker.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'

/*
 * What a store must offer to become a broker: about ten verbs below the virtual layer (connection.ts, consumer.ts),
 * which adds prefetch windows, deliveries, batching per turn and the broker port's errors.
 *
 * A store keeps exchanges, queues, bindings, ready messages (ordered by priority, higher first, then age), delayed
 * messages with their due time, held messages with holder and token, and recent publish ids. A holder is one open
 * session. It is alive while the store can see that its process lives, or its lease has not run out (D22, D3b); the
 * messages of a dead holder are ready again within 2 s when its process is gone, within the lease length otherwise.
 * The session keeps its own lease, away from the thread that runs user code (D24).
 *
 * Each verb is atomic and takes a batch: the layer above collects what one turn of the event loop asks for, so a
 * store needs one transaction per call. Answers stand in the order of the questions.
 */
export interface QueueStore extends AsyncDisposable {
  open(holder: { readonly name: string }, signal?: AbortSignal): Promise<StoreSession>
}

export interface StoreSession extends AsyncDisposable {
  /**
   * Settles once, never rejects: the file vanished, the thread died, the store is damaged, or we closed. From then on no
   * verb stays unanswered: each rejects with `BrokerError` (`NotSentError` from `push`), or answers `stale` and `false`.
   * Disposing hands everything still held back, uncounted (D82).
   */
  readonly closed: Promise<CloseReason>
  declare(topology: Topology): Promise<void>
  /**
   * Routes by the store's bindings and inserts, in as few commits as the store can; an entry's fate does not touch the others.
   * Rejects when nothing is known of any.
   */
  push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]>
  /**
   * Takes up to `limit` ready messages in order: queues in the order given, within a queue by priority, then age.
   * Delayed messages that have become due take part. Never waits.
   */
  claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]>
  /** Takes messages that are not due yet, for moving them elsewhere. Stores that leave it out keep them until they are due. */
  claimDelayed?(queue: QueueName, limit: number): Promise<readonly ClaimedDelayed[]>
  settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]>
  /** Which of these tokens are still ours. */
  current(tokens: readonly Token[]): Promise<readonly boolean[]>
  /**
   * Resolves when one of the queues may be claimable: at once when something is ready, otherwise after a push by
   * anybody, a return, a due delay, a dead holder's sweep. Spurious wakes are fine, missed ones are not; note that
   * another claim of this session may have left messages behind since the caller's own found no more. Resolves or rejects
   * when the signal fires, and leaves no listener on it: one signal serves many waits.
   */
  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void>
  /** Steady instant up to which every token of this session is certainly ours (D25). Infinity without leases. */
  trustedUntil(): SteadyMs
  stats(queue: QueueName): Promise<QueueStats>
  list(): Promise<readonly QueueStats[]>
  bindings(): Promise<readonly Binding[]>
  /** `Connection.weigh`. */
  weigh?(queue: QueueName): Promise<number | undefined>
  purge(queue: QueueName): Promise<number>
  /** Limits over the cluster (limits/limit-store.ts); places are held by this session as its messages are. Stores that leave it out keep none. */
  limit?(request: LimitRequest): Promise<readonly LimitAnswer[]>
  /** Tells how many consumers of this session serve each queue, so that `stats` can count them. */
  consuming(queues: readonly QueueName[]): Promise<void>
}

export interface PushEntry {
  readonly message: Message
  readonly to: Address
  readonly publishId: string
  readonly notBefore: EpochMs | undefined
  /** `false`: nobody has to want it. A store that cannot know for sure who wants it puts it where it would be looked for. */
  readonly mandatory?: false | undefined
  /** Nobody will push it again: a store need not look for its publish id, nor keep it. */
  readonly once?: true | undefined
}

export type PushOutcome =
  | { readonly kind: 'accepted' }
  /** This publish id was accepted before (within 60 s at least); nothing was inserted. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'unroutable' }
  /** Others of the same push may have been accepted. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** Never equal to any other claim's, of this message or another (D21). */
export type Token = string

export interface Claimed {
  readonly token: Token
  readonly message: Message
  readonly queue: QueueName
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  /** Raised by the death of a holder: from 0 always, later only when the delivery had begun. */
  readonly faults: number
  /** The last delivery that said anything of it was marked as begun, or came back as a fault; what only waited says nothing. */
  readonly begun: boolean
  /** Position in the store-wide order of claims. */
  readonly claim: number
  /** Undefined when whoever published it did not say. */
  readonly enqueuedAt: EpochMs | undefined
}

export interface ClaimedDelayed {
  readonly claimed: Claimed
  readonly notBefore: EpochMs
}

export type Verdict =
  | { readonly kind: 'ack'; readonly token: Token }
  /** No end yet: user code is about to be entered. The token stays ours; a clean requeue takes this mark back, and leaves older ones. */
  | { readonly kind: 'begin'; readonly token: Token }
  /** Back to its old place; `counted` raises `faults`. */
  | { readonly kind: 'requeue'; readonly token: Token; readonly counted: boolean; readonly delay: Ms | undefined }
