import type { App } from '../../app/app.js'
import type { LineStore } from '../../worker/spool.js'
import { Worker } from '../../worker/worker.js'
import type { WorkerOptions } from '../../worker/worker-options.js'
import type { SimProcess } from '../sim/sim-process.js'
import { type ClusterPlace, keepsResults } from './cluster-place.js'
import type { Recording } from './recording-queue-store.js'

/** A worker of a test cluster: options of any worker, and the app when it is not that of the cluster. */
export interface TestWorkerOptions extends Omit<WorkerOptions, 'name' | 'purge'> {
  /** Default `w1`, `w2`, … */
  readonly name?: string
  readonly app?: App
}

/** A real worker in a process of its own, as far as broker, results and clock go: it can be killed. */
export class ClusterWorker {
  readonly name: string
  readonly app: App
  readonly process: SimProcess
  readonly worker: Worker

  constructor(
    place: ClusterPlace,
    recording: Recording,
    { name, app, ...options }: TestWorkerOptions & { readonly name: string; readonly app: App },
  ) {
    this.name = name
    this.app = app
    this.process = place.process(name)
    this.worker = new Worker(
      app,
      { withoutGossip: true, withoutMingle: true, withoutHeartbeat: true, ...options, name: `${name}@test` },
      {
        runtime: place.runtimeOf(this.process),
        broker: place.brokerOf(this.process, recording, app.settings.leaseTime),
        spool: NO_SPOOL,
        // A cluster refuses a name that is taken; looking for one every few seconds would be most of what a virtual day costs.
        isAlone: true,
        ...(keepsResults(app) ? { backend: place.backendOf(this.process) } : {}),
      },
    )
  }

  get hostname(): string {
    return this.worker.name
  }
}

/** The stores of a test cluster do not fail, so nothing is spooled. */
const NO_SPOOL: LineStore = {
  append: async () => undefined,
  take: async () => [],
  drop: async () => undefined,
}
