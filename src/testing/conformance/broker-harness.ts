import type { Connection } from '../../brokers/broker.js'
import type { EpochMs, Ms } from '../../lib/time.js'

/** What an adapter may lack, by the name under which its cases are skipped. */
export const BROKER_CAPABILITIES = {
  priorities: 'Messages with a higher priority are handed out first.',
  delays: '`notBefore` is kept by the broker.',
  parking: '`requeue` with a delay is kept by the broker.',
  dedupe: 'A repeated publish id inserts nothing (D05).',
  topic: 'Topic exchanges route.',
  fanout: 'Fanout exchanges route.',
  enumeration: '`list` and `bindings` know everything that was declared.',
  accounting: '`stats` counts held messages and consumers.',
  weighing: '`weigh` tells how many bytes are ready in a queue.',
  'old-place': 'A requeued message is the next one handed out.',
  faults: 'Faults are counted and clean hand-backs are not (D40).',
  'claim-order': '`Delivery.claim` grows store-wide (D45).',
  'auto-delete': 'An auto-delete queue goes with its last consumer.',
  'message-ttl': 'A message leaves an auto-delete queue after the `x-message-ttl` of that.',
  'wide-integers': 'Headers hold integers beyond 2⁵³ exactly.',
  'many-queues': 'A thousand queues are made in no time.',
  limits: 'Limits over the cluster are kept by the broker.',
  leases: 'Held messages are guarded by a lease, and `freeze` works (D22–D28).',
} as const

export type BrokerCapability = keyof typeof BROKER_CAPABILITIES

export interface BrokerTimes {
  /** How much time a case lets pass between two looks. */
  readonly step: Ms
  /** What does not happen within this does not happen. */
  readonly quiet: Ms
  /** A delay that a case can afford to wait for. */
  readonly delay: Ms
  /** Length of a lease. */
  readonly lease: Ms
  /** The messages of a dead holder are ready again within this (D23). */
  readonly detect: Ms
  /** A span beside which a lease is short, for what must never happen however long it takes: hours, where time costs nothing. */
  readonly long: Ms
  /** The longest that a case waits for anything else. */
  readonly patience: Ms
}

/** One empty broker, fresh for one case. Disposing closes what is still connected. */
export interface BrokerPlace extends AsyncDisposable {
  readonly times: BrokerTimes
  /** A connection as if from a process of its own; names are used once. */
  connect(name: string): Promise<Connection>
  /** The connection of that name keeps its lease no longer, as if its process were stopped. Its verbs still work. */
  freeze(name: string): Promise<void>
  /** The process goes on. */
  thaw(name: string): Promise<void>
  /** Wall time at the broker. */
  now(): EpochMs
  /** Lets that much time pass, and everything happen that happens meanwhile. */
  pass(ms: Ms): Promise<void>
}

export interface BrokerHarness {
  create(): Promise<BrokerPlace>
  /** Capability → why this adapter does without it. Its cases are skipped with that reason. */
  readonly lacks?: Readonly<Partial<Record<BrokerCapability, string>>>
}
