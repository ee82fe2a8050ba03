import type { EpochMs, Ms } from '../lib/time.js'
import type { QueueName } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import type { BrokerError } from './errors.js'
import type { LimitAnswer, LimitRequest } from './limits/limit-store.js'
import type { UserTransaction } from './user-transaction.js'

/*
 * The broker port.
 *
 * A Broker is a place; a Connection is one live session with it. Connections do not heal themselves: a lost one
 * settles `closed` with a reason, everything outstanding on it rejects or answers `stale`, and whoever stands above
 * (worker/session.ts, app/publisher.ts) connects anew. There is one place where reconnecting is decided, and it can
 * be simulated.
 *
 * What every adapter promises (test/conformance/broker.ts holds it to it):
 * - `publish` resolves when the broker has taken responsibility for the message (D01), and not before.
 * - A claim is atomic: a message is at every instant ready, delayed, or held by a known holder (D20).
 * - Every delivery has a token that never existed before; a verdict on a lost token is `stale`, not an error (D21).
 * - A message comes back because its holder is dead, not because it is old (D22).
 */
export interface Broker extends AsyncDisposable {
  /** The URL it was made from, password masked. */
  readonly url: string
  readonly features: BrokerFeatures
  /** Rejects with `BrokerError`; `transient` says whether trying again may help. */
  connect(options: ConnectOptions, signal?: AbortSignal): Promise<Connection>
  /**
   * Publishes inside a transaction of the user's own, through its handle: the messages exist if and only if it commits (D09).
   * Brokers that cannot have none. Rejects with `UnroutableError` before anything is written, with `ConfigError`
   * `LVG_FOREIGN_TRANSACTION` when the handle leads to another store.
   */
  publishWithin?(transaction: UserTransaction, entries: readonly TransactionEntry[]): Promise<void>
}

export interface ConnectOptions {
  /** Who connects: the node name of a worker, `gen<pid>@<host>` of a client. Shown by the broker's own tools. */
  readonly name: string
  /**
   * User code will run on this event loop while messages are held: they stay held however long it keeps the loop from turning
   * (D24). Brokers with leases see to that for every holder; others at the cost of a thread, for connections that ask for it.
   */
  readonly guarded?: boolean
}

export interface BrokerFeatures {
  /** `notBefore` is honoured by the store itself; otherwise the worker holds what is not due. */
  readonly delays: boolean
  /** `requeue` with a delay is kept by the store, even where `notBefore` is only a hint. Absent: as `delays`. */
  readonly parking?: boolean
  /** A repeated `publishId` inserts nothing (D05). */
  readonly publishDedupe: boolean
  /** Held messages are guarded by a lease (D22–D25) rather than by the connection. */
  readonly leases: boolean
  /** The exchange type of events where it is not topic: Redis publishes them to whoever listens, by patterns of their keys. */
  readonly eventExchange?: 'fanout'
  /** What many are told is written for each of them: so nobody listens without need. Absent: it costs the broker little. */
  readonly storesBroadcasts?: true
  /** Exchange types that route. */
  readonly exchanges: readonly ExchangeType[]
  /** Messages survive the end of this process. */
  readonly durable: boolean
  /**
   * With `mandatory: false` the default exchange reaches queues that are not known to exist: nobody can tell whether a client of
   * another language waits there. Absent: a queue exists when it is declared.
   */
  readonly reachesUndeclared?: boolean
  /** It keeps limits over the cluster (`Connection.limit`). Absent: it does not. */
  readonly limits?: boolean
}

/** Is there any use in telling this broker of delays? */
export function keepsDelays(features: BrokerFeatures): boolean {
  return features.parking ?? features.delays
}

export type ExchangeType = 'direct' | 'topic' | 'fanout'

export interface Exchange {
  /** `''` is the default exchange: routing key = queue name. It is never declared. */
  readonly name: string
  readonly type: ExchangeType
  readonly durable?: boolean
  readonly autoDelete?: boolean
}

export interface Queue {
  readonly name: QueueName
  /** Absent: reachable through the default exchange only. */
  readonly exchange?: Exchange
  readonly routingKey?: string
  readonly durable?: boolean
  readonly autoDelete?: boolean
  readonly exclusive?: boolean
  /** Higher priorities than this are clamped to it (`x-max-priority`); absent = 255 on the embedded stores. */
  readonly maxPriority?: number
  /** AMQP queue arguments, passed on untouched. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

export interface Topology {
  readonly exchanges?: readonly Exchange[]
  /** Queues with their bindings. */
  readonly queues?: readonly Queue[]
}

export interface Address {
  /** `''` = default exchange. */
  readonly exchange: string
  readonly routingKey: string
}

export interface PublishOptions {
  /** Names this act of publishing: a repetition within 60 s inserts nothing where `publishDedupe` is true. */
  readonly publishId: string
  /** Not delivered before this wall time, where `delays` is true; a hint where only `parking` is. */
  readonly notBefore?: EpochMs
  /**
   * `false`: a message that no queue wants is dropped in silence, as AMQP does without its `mandatory` flag. For events, control
   * messages and replies, which often have no listener. Default true: it rejects with `UnroutableError`.
   */
  readonly mandatory?: false
  /** Nobody will repeat this publish, whatever becomes of it: its id need not be remembered. For events. Default false. */
  readonly once?: true
  /** Dropped undelivered after this wall time. Only for messages without the task expiry rules; tasks keep `expires`. */
  readonly signal?: AbortSignal
}

/** A message that goes along with a transaction of the user's. */
export interface TransactionEntry {
  readonly message: Message
  readonly to: Address
  readonly publishId: string
  readonly notBefore: EpochMs | undefined
  /** To be declared first. */
  readonly queue: Queue | undefined
  /** As `PublishOptions.mandatory`. */
  readonly mandatory?: false
}

export interface Connection extends AsyncDisposable {
  /** Settles once, never rejects. */
  readonly closed: Promise<CloseReason>
  /** Exchanges, queues, bindings; idempotent. */
  declare(topology: Topology): Promise<void>
  /**
   * Resolves when the broker has the message (D01). Everything published in one turn may share a commit; promises
   * resolve in order. Rejects with `UnroutableError` (no queue reached, D03), `NotSentError`, `PublishUnknownError`,
   * `RejectedByBrokerError` (D06).
   */
  publish(message: Message, to: Address, options: PublishOptions): Promise<void>
  /**
   * Declares the queues, then delivers at most `prefetch` unsettled messages at a time; 0 = no limit (adapters may cap, L10),
   * below 0 = none until it is raised.
   */
  consume(queues: readonly Queue[], prefetch: number): Promise<Consumer>
  /** Up to `limit` ready messages, oldest first, held by this connection until settled. Never waits. */
  get(queue: QueueName, limit: number): Promise<readonly Delivery[]>
  /**
   * Up to `limit` messages that are not due yet, held like any other: for moving them elsewhere. Only where the broker keeps
   * delays and lets them be taken out. A clean requeue without a delay makes such a message ready.
   */
  getDelayed?(queue: QueueName, limit: number): Promise<readonly DelayedDelivery[]>
  stats(queue: QueueName): Promise<QueueStats>
  /** Every queue the broker can enumerate. */
  list(): Promise<readonly QueueStats[]>
  /** Every binding the broker can enumerate. */
  bindings(): Promise<readonly Binding[]>
  /** Why the last `list` or `bindings` may have missed something; absent = it did not. */
  readonly unlisted?: string | undefined
  /**
   * Bytes of what is ready in the queue, bodies and what goes with them, about. Some brokers look at every message for it. Absent,
   * and undefined: this one does not tell.
   */
  weigh?(queue: QueueName): Promise<number | undefined>
  /** Drops ready and delayed messages; held ones stay. Resolves to the number dropped. */
  purge(queue: QueueName): Promise<number>
  /** Limits over the cluster, where `BrokerFeatures.limits` (limits/limit-store.ts). Places are held by this connection. */
  limit?(request: LimitRequest): Promise<readonly LimitAnswer[]>
  /**
   * True when the leases of this connection may have run out (D25): before any effect of a late-acked task ask
   * `Delivery.current`. Always false without leases.
   */
  suspect(): boolean
}

export interface DelayedDelivery {
  readonly delivery: Delivery
  readonly notBefore: EpochMs
}

export interface Binding {
  readonly exchange: string
  readonly exchangeType: ExchangeType
  readonly routingKey: string
  readonly queue: QueueName
}

export interface QueueStats {
  readonly queue: QueueName
  readonly ready: number
  readonly held: number
  readonly delayed: number
  /** Live consumers, where the broker knows. */
  readonly consumers: number | undefined
}

/** A turn's worth of deliveries at a time, in the broker's order. Iteration ends when the consumer or connection closes. */
export interface Consumer extends AsyncIterable<readonly Delivery[]>, AsyncDisposable {
  /** As in `consume`. What was delivered already stays delivered. */
  setPrefetch(count: number): Promise<void>
  add(queue: Queue): Promise<void>
  cancel(queue: QueueName): Promise<void>
  /** Stops asking; what was already claimed and not yet iterated is handed back uncounted (D82). */
  [Symbol.asyncDispose](): Promise<void>
}

/** `stale`: the token was no longer ours, somebody else has or had the message (D21). */
export type Settled = 'settled' | 'stale'

export interface Delivery {
  readonly message: Message
  readonly queue: QueueName
  readonly exchange: string
  readonly routingKey: string
  /** It was delivered before, for whatever reason. */
  readonly redelivered: boolean
  /**
   * How many earlier deliveries ended in a fault (D40); clean hand-backs do not count. The first fault counts whether or
   * not the delivery had begun (nobody marks what has no past); each later one only when it had.
   */
  readonly faults: number
  /**
   * A delivery before this one had begun: user code may have been entered. A message that never began is never poison; one that is
   * stays so, whoever it only waited with meanwhile.
   */
  readonly begun: boolean
  /** Grows with every claim of any message at this broker: the later of two attempts has the larger one (D45). */
  readonly claim: number
  /** When the message first entered this queue, where the broker knows. */
  readonly enqueuedAt: EpochMs | undefined
  ack(): Promise<Settled>
  /** Back to the queue, to its old place. `counted`: after a fault, raises `faults` (D40). `delay`: not before that long. */
  requeue(how: { readonly counted: boolean; readonly delay?: Ms }): Promise<Settled>
  /**
   * Marks, durably, that user code is about to be entered, so that the end of this process counts as this message's fault.
   * Asked for messages with a past (`faults` above 0) before they run; `stale` = do not run it.
   */
  begin(): Promise<Settled>
  /**
   * Before it is refused as poison: whoever gets it next, should this process end meanwhile, must still see what made it
   * poison (`faults`, `begun`), and not that it waited here last. `stale` = somebody else's to refuse.
   */
  condemn(): Promise<Settled>
  /** Asks the store whether the token is still ours. */
  current(): Promise<boolean>
}

export type CloseReason =
  /** We closed it. */
  | { readonly kind: 'closed' }
  /** It was taken from us. */
  | { readonly kind: 'lost'; readonly error: BrokerError }
