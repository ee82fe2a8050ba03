/** For those who write adapters: the ports, the errors they throw, and the data that goes through them. */
export type { Extension, ObservedEvent } from './app/extension.js'
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
  Address,
  Binding,
  Broker,
  BrokerFeatures,
  CloseReason,
  Connection,
  ConnectOptions,
  Consumer,
  Delivery,
  Exchange,
  ExchangeType,
  PublishOptions,
  Queue,
  QueueStats,
  Settled,
  Topology,
} from './brokers/broker.js'
export {
  BrokerError,
  NotSentError,
  PublishUnknownError,
  RejectedByBrokerError,
  UnroutableError,
} from './brokers/errors.js'
export type {
  Claimed,
  PushEntry,
  PushOutcome,
  QueueStore,
  StoreSession,
  Token,
  Verdict,
} from './brokers/virtual/queue-store.js'
export { createVirtualBroker, type VirtualBrokerOptions } from './brokers/virtual/virtual-broker.js'
export type { Clock, Host, Log, LogFields, LogLevel, Random, Runtime } from './lib/runtime.js'
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
