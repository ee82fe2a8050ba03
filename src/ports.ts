/** For those who write adapters: the ports, the errors they throw, and the data that goes through them. */
export type { Extension, MetricsPage, ObservedEvent } from './app/extension.js'
export type {
  Arrival,
  BackendFeatures,
  ChordPart,
  Fence,
  ResultBackend,
  StoreOptions,
} from './backends/backend.js'
export { BackendError } from './backends/errors.js'
export type {
  LoggedRevocation,
  RevocationKeep,
  RevocationLog,
  RevocationPage,
} from './backends/revocation-log.js'
export type {
  Address,
  Binding,
  Broker,
  BrokerFeatures,
  CloseReason,
  Connection,
  ConnectOptions,
  Consumer,
  DelayedDelivery,
  Delivery,
  Exchange,
  ExchangeType,
  PublishOptions,
  Queue,
  QueueStats,
  Settled,
  Topology,
  TransactionEntry,
} from './brokers/broker.js'
export {
  BrokerError,
  NotSentError,
  PublishUnknownError,
  RejectedByBrokerError,
  UnroutableError,
} from './brokers/errors.js'
export type {
  LimitAnswer,
  LimitAsk,
  LimitRequest,
  PlaceNames,
  PlacesAsk,
  RateAsk,
} from './brokers/limits/limit-store.js'
export type { LimitWindow } from './brokers/limits/limit-window.js'
export type {
  PostgresTransaction,
  SqliteTransaction,
  UserTransaction,
} from './brokers/user-transaction.js'
export type {
  Claimed,
  ClaimedDelayed,
  PushEntry,
  PushOutcome,
  QueueStore,
  StoreSession,
  Token,
  Verdict,
} from './brokers/virtual/queue-store.js'
export { createVirtualBroker, type VirtualBrokerOptions } from './brokers/virtual/virtual-broker.js'
export type {
  Clock,
  Host,
  Log,
  LogFields,
  LogLevel,
  Random,
  ResourceUsage,
  Runtime,
  Software,
} from './lib/runtime.js'
export type { EpochMs, Ms, SteadyMs } from './lib/time.js'
export type {
  Call,
  Execution,
  Interrupt,
  Outcome,
  OutcomeKind,
  Pool,
  PoolKind,
  PoolStats,
  RetryWish,
  Where,
} from './pools/pool.js'
export type { Codec, Decoded, Encoded, EncodeOptions, Undecodable } from './protocol/codec.js'
export type { DeadLetterReason, DeadLetterRecord } from './protocol/dead-letter.js'
export {
  type GroupId,
  groupId,
  type NodeName,
  nodeName,
  type QueueName,
  queueName,
  type TaskId,
  type TaskName,
  taskId,
  taskName,
} from './protocol/ids.js'
export type { Headers, Message, Properties } from './protocol/message.js'
export type { TaskRequest } from './protocol/request.js'
export type {
  ExceptionInfo,
  ExtendedMeta,
  GroupMeta,
  ResultMeta,
  ResultTuple,
  RetryIntent,
  State,
} from './protocol/result-meta.js'
export type { Kwargs, Signature } from './protocol/signature.js'
