/** Everything that `import … from 'lovage'` offers. */
export { App, type AppParts, type BatchResults, type Substitutes } from './app/app.js'
export { AsyncResult, type GetOptions } from './app/async-result.js'
export type { CallOptions } from './app/call-options.js'
export { currentTask, runningTask } from './app/current-task.js'
export {
  type BatchEntry,
  BatchError,
  ChordError,
  Ignore,
  LeaseLostError,
  MaxRetriesExceededError,
  NotRegistered,
  PoisonTaskError,
  Reject,
  ResultTooLargeError,
  Retry,
  SoftTimeLimitExceeded,
  TaskError,
  TaskRevokedError,
  TimeLimitExceeded,
  TimeoutError,
  WorkerLostError,
  WorkerShutdown,
} from './app/errors.js'
export type { Extension, ObservedEvent } from './app/extension.js'
export type { NamedQueueDeclaration, QueueDeclaration, TaskQueues } from './app/queue-declaration.js'
export type {
  RouteAnswer,
  RouteFunction,
  RouteMap,
  RouteObject,
  RouteOptions,
  RoutePairs,
  TaskRoutes,
} from './app/route.js'
export { addLink, type SignatureOptions, setOptions } from './app/set-options.js'
export {
  defineConfig,
  type Origin,
  type SettingName,
  type Settings,
  type SettingsInput,
  type SettingsLayers,
  settingsFrom,
} from './app/settings.js'
export type { RegisteredTask, Task, TaskOf } from './app/task.js'
export type { DeliveryInfo, RetryOptions, TaskContext } from './app/task-context.js'
export type { Duration, ErrorClass, TaskOptions, TaskPolicy } from './app/task-options.js'
export type { ResultOf, TypedSignature } from './app/typed-signature.js'
export { BackendError } from './backends/errors.js'
export {
  BrokerError,
  NotSentError,
  PublishUnknownError,
  RejectedByBrokerError,
  UnroutableError,
} from './brokers/errors.js'
export { ConfigError, LovageError } from './lib/errors.js'
export { nodeRuntime } from './lib/node-runtime.js'
export type { Clock, Host, Log, LogFields, LogLevel, Random, Runtime } from './lib/runtime.js'
export { EncodeError, ProtocolError } from './protocol/errors.js'
export type { ExceptionInfo, ResultMeta, State } from './protocol/result-meta.js'
export type { Kwargs, Signature } from './protocol/signature.js'
