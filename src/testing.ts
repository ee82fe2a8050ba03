// `lovage/testing`: what tests are written with.
export { createMemoryBackend, type MemoryBackendOptions } from './backends/memory/memory-backend.js'
export { MemoryBackendWorld } from './backends/memory/memory-backend-world.js'
export { createMemoryBroker, type MemoryBrokerOptions } from './brokers/memory/memory-broker.js'
export { MemoryQueueStore, type MemoryQueueStoreOptions } from './brokers/memory/memory-queue-store.js'
export { type MemoryLog, type MemoryLogLine, memoryLog } from './lib/memory-log.js'
export {
  ChaosCluster,
  type ChaosClusterOptions,
  type OtherProgram,
  type WorkerProgram,
} from './testing/chaos/chaos-cluster.js'
export type { ChaosCounts } from './testing/chaos/chaos-counts.js'
export type { ChaosProcess, ChaosStart } from './testing/chaos/chaos-process.js'
export {
  type BlackholeOptions,
  ChaosProxy,
  type ChaosProxyOptions,
  type CutOptions,
  type LandmarkAction,
} from './testing/chaos/chaos-proxy.js'
export type { ChaosTarget } from './testing/chaos/chaos-target.js'
export type { FaultCounts } from './testing/chaos/faults.js'
export type { FlapOptions } from './testing/chaos/flapping.js'
export type { AttemptLine, JournalLine, PublishLine } from './testing/chaos/journal.js'
export {
  type Facts,
  type History,
  judge,
  type LostTask,
  type StoredResult,
  type Trouble,
  type Verdict,
} from './testing/chaos/judge.js'
export type { TaskKind } from './testing/chaos/plan.js'
export { type ChaosServer, type ShakeOptions, type ShakeReport, shake, type Times } from './testing/chaos/shake.js'
export { printShakeReport, shakeReportAsJson } from './testing/chaos/shake-report.js'
export type { Landmark } from './testing/chaos/wire/landmark.js'
export { landmarks } from './testing/chaos/wire/landmarks.js'
export type { Direction, Wire, WireUnit } from './testing/chaos/wire/wire-unit.js'
export type { TestWorkerOptions } from './testing/cluster/cluster-worker.js'
export type {
  RecordedDeadLetter,
  RecordedRetry,
  RecordedRun,
  RecordedState,
  RecordedTask,
} from './testing/cluster/recorded-task.js'
export type {
  DeadLetterExpected,
  FailureExpected,
  HowOften,
  RunExpected,
  SuccessExpected,
  TaskExpectation,
  WaitingExpected,
  Which,
} from './testing/cluster/task-expectation.js'
export {
  type DrainOptions,
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from './testing/cluster/test-cluster.js'
export { backendConformance } from './testing/conformance/backend.js'
export type {
  BackendCapability,
  BackendHarness,
  BackendPlace,
  BackendTimes,
} from './testing/conformance/backend-harness.js'
export { brokerConformance, type RegisterTest } from './testing/conformance/broker.js'
export type {
  BrokerCapability,
  BrokerHarness,
  BrokerPlace,
  BrokerTimes,
} from './testing/conformance/broker-harness.js'
export { poolConformance } from './testing/conformance/pool.js'
export type {
  PoolCapability,
  PoolHarness,
  PoolOptions,
  PoolPlace,
  PoolTold,
} from './testing/conformance/pool-harness.js'
export { definePoolTasks } from './testing/conformance/pool-tasks.js'
export { type EagerMode, type EagerOptions, eager } from './testing/eager.js'
export { HandClock } from './testing/hand-clock.js'
export { SimEscapeError, SimFailure } from './testing/sim/errors.js'
export { linkedBackend } from './testing/sim/linked-backend.js'
export { type LinkedBrokerOptions, linkedBroker } from './testing/sim/linked-broker.js'
export { type LinkedQueueStoreOptions, linkedQueueStore } from './testing/sim/linked-queue-store.js'
export type { CallFate, SimCall, SimChannel } from './testing/sim/sim-channel.js'
export { SimCluster, type SimClusterOptions, type SimNode, type SimWorkerNode } from './testing/sim/sim-cluster.js'
export type { SimLink, SimLinkOptions } from './testing/sim/sim-link.js'
export type { SimProcess, SimProcessState } from './testing/sim/sim-process.js'
export { SimRandom } from './testing/sim/sim-random.js'
export { SIM_EPOCH, type SimWorld } from './testing/sim/sim-world.js'
export { type SimReport, type SimulateOptions, simulate } from './testing/sim/simulate.js'
