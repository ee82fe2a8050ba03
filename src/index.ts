/** Everything that `import … from 'lovage'` offers. */
export { App, type Applied } from './app/app.js'
export { AsyncResult } from './app/async-result.js'
export type { CallOptions } from './app/call-options.js'
export { currentTask, runningTask } from './app/current-task.js'
export { DagResult, type DagResultNode } from './app/dag-result.js'
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
  Replace,
  ResultTooLargeError,
  Retry,
  SoftTimeLimitExceeded,
  StallError,
  TaskError,
  TaskRevokedError,
  TimeLimitExceeded,
  TimeoutError,
  WorkerLostError,
  WorkerShutdown,
} from './app/errors.js'
export type { Events, ReceiveOptions } from './app/events.js'
export type { Extension, MetricsPage, ObservedEvent } from './app/extension.js'
export { GroupResult, type MemberEnd } from './app/group-result.js'
export type { PeriodicOptions } from './app/periodic-tasks.js'
export type { ProgressStep } from './app/progress-stream.js'
export type { NamedQueueDeclaration, QueueDeclaration, TaskQueues } from './app/queue-declaration.js'
export type { LimitKey, Rate, RateLimit } from './app/rate-limit.js'
export type { AnyResult, GetOptions } from './app/result.js'
export { collect, type ResultGraph, resultGraph } from './app/result-of.js'
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
export type { AppParts, Substitutes } from './app/setup.js'
export type { RegisteredTask, RemoteTask, RemoteTaskOf, Task, TaskOf } from './app/task.js'
export type { DeliveryInfo, RetryOptions, TaskContext } from './app/task-context.js'
export type { TaskLogLine } from './app/task-log.js'
export type { Duration, ErrorClass, TaskOptions, TaskPolicy } from './app/task-options.js'
export type { BatchResults } from './app/task-sender.js'
export { workflowGraph } from './app/workflow-graph.js'
export type {
  CancelWorkflow,
  ResumedWorkflow,
  ResumeWorkflow,
  WorkflowState,
  WorkflowSummary,
  Workflows,
  WorkflowTask,
  WorkflowView,
} from './app/workflows.js'
export { BackendError } from './backends/errors.js'
export {
  BrokerError,
  NotSentError,
  PublishUnknownError,
  RejectedByBrokerError,
  UnroutableError,
} from './brokers/errors.js'
export type { PostgresTransaction, SqliteTransaction, UserTransaction } from './brokers/user-transaction.js'
export {
  type AnySignature,
  chain,
  chord,
  chunks,
  type DoesNotFit,
  type Fits,
  type GroupSignature,
  group,
  type IsGroup,
  map,
  type ResultsOf,
  starmap,
  type TakesOf,
} from './canvas/canvas.js'
export { type CanvasGraph, canvasGraph, type GraphEdge, type GraphNode } from './canvas/canvas-graph.js'
export {
  type Dag,
  type DagNode,
  type DagNodes,
  type DagStep,
  type DagValues,
  dag,
  type FittingNodes,
  isDag,
  type NoSuchNode,
} from './canvas/dag.js'
export { drawGraph, type GraphFormat } from './canvas/draw-graph.js'
export { CanvasError } from './canvas/errors.js'
export { type StampingVisitor, type StampOptions, type StampPlace, type Stamps, stamp } from './canvas/stamp.js'
export type { ResultOf, TypedSignature } from './canvas/typed-signature.js'
export type { AskOptions, BroadcastOptions } from './control/broadcast-options.js'
export { CommandError, type CommandErrorType } from './control/command-error.js'
export type { Answer, Control, Replies, RevokeOptions } from './control/control.js'
export type { ControlPolicy } from './control/control-policy.js'
export type { CommandHandler, CommandWorker, CustomCommandOptions } from './control/custom-command.js'
export type { Inspect, Inspected } from './control/inspect.js'
export {
  ClusterFold,
  type ClusterLimits,
  type ClusterState,
  foldEvents,
} from './events/cluster-state.js'
export type { EventReceiver } from './events/event-receiver.js'
export type { ReceivedEvent } from './events/received-event.js'
export type { TaskState } from './events/task-state.js'
export type { WorkerState } from './events/worker-state.js'
export { ConfigError, LovageError } from './lib/errors.js'
export { nodeRuntime } from './lib/node-runtime.js'
export type { Clock, Host, Log, LogFields, LogLevel, Random, Runtime } from './lib/runtime.js'
export type { AddConsumerOptions, PoolRestartOptions } from './protocol/control-arguments.js'
export { EncodeError, ProtocolError } from './protocol/errors.js'
export type {
  ActiveQueueInfo,
  ControlAnswer,
  ControlFailure,
  HelloReply,
  QueryTaskReply,
  RequestInfo,
  ScheduledInfo,
  WorkerStats,
} from './protocol/inspect-replies.js'
export type { ExceptionInfo, ResultMeta, State } from './protocol/result-meta.js'
export type { Kwargs, Signature } from './protocol/signature.js'
export { signatureFromDict, signatureToDict } from './protocol/signature-dict.js'
export { ScheduleError } from './schedules/errors.js'
export type { ScheduleInput } from './schedules/read-schedule.js'
export type { ScheduleSpec } from './schedules/schedule-spec.js'
export { cron, crontab, every, once, repeating, solar } from './schedules/specs.js'
