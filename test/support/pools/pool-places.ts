import { fileURLToPath } from 'node:url'
import type { App } from '../../../src/app/app.js'
import { runnableOf } from '../../../src/app/runnable-of.js'
import { memoryLog } from '../../../src/lib/memory-log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { Runtime } from '../../../src/lib/runtime.js'
import type { CallAsks } from '../../../src/pools/call-control.js'
import type { Pool, PoolKind } from '../../../src/pools/pool.js'
import type { PoolOptions, PoolPlace, PoolTold } from '../../../src/testing/conformance/pool-harness.js'
import { appSource } from '../../../src/worker/app-source.js'
import { createPool } from '../../../src/worker/create-pool.js'
import { execute } from '../../../src/worker/execute.js'
import { app } from './conformance-app.js'

const MODULE = new URL('./conformance-app.js', import.meta.url)

/** Pools as a worker makes them, in real time; children are real processes and threads. */
export class RealPoolPlace implements PoolPlace {
  readonly patience = 60_000
  readonly app: App = app
  readonly #kind: PoolKind
  readonly #runtime: Runtime
  readonly #log = memoryLog()
  readonly #told: PoolTold[] = []
  readonly #pools: Pool[] = []

  constructor(kind: PoolKind) {
    this.#kind = kind
    this.#runtime = nodeRuntime({ log: this.#log.log })
  }

  get told(): readonly PoolTold[] {
    const lines = this.#log.lines.map(({ message, fields }): PoolTold => ({ kind: 'log', message, fields }))
    return [...this.#told, ...lines]
  }

  now(): number {
    return this.#runtime.clock.steady()
  }

  pass(): Promise<void> {
    return this.#runtime.clock.sleep(5)
  }

  async open({ size, maxTasksPerChild, maxMemoryPerChild }: PoolOptions): Promise<Pool> {
    const runtime = this.#runtime
    const asks: CallAsks = {
      storeState: async (call, state, meta) => {
        this.#told.push({ kind: 'state', id: call.request.id, state, meta })
      },
      sendEvent: (call, type, fields) => void this.#told.push({ kind: 'event', id: call.request.id, type, fields }),
    }
    const executeParts = {
      ...asks,
      runtime,
      app,
      extensions: [],
      find: (request: Parameters<Parameters<typeof execute>[2]['find']>[0]) => runnableOf(request.task, app),
      keepLogLines: 0,
      fence: () => undefined,
    }
    const pool = createPool({
      plan: { kind: this.#kind, size },
      runtime,
      settings: {
        ...app.settings,
        workerMaxTasksPerChild: maxTasksPerChild,
        workerMaxMemoryPerChild: maxMemoryPerChild,
      },
      source: appSource(fileURLToPath(MODULE)),
      execute: (call, control) => execute(call, control, executeParts),
      asks,
    })
    this.#pools.push(pool)
    await pool.start(new AbortController().signal)
    return pool
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pool of this.#pools) await pool[Symbol.asyncDispose]()
  }
}
