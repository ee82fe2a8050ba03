export type { Health } from './worker/health.js'
export { type StopKind, Worker, type WorkerEnd } from './worker/worker.js'
export type { WorkerOptions } from './worker/worker-options.js'
