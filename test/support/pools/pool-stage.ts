import type { App } from '../../../src/app/app.js'
import { doors } from '../../../src/cli/doors.js'
import { type MemoryLog, memoryLog } from '../../../src/lib/memory-log.js'
import { loadModule } from '../../../src/lib/node-load-module.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import { Worker } from '../../../src/worker/worker.js'
import type { WorkerOptions } from '../../../src/worker/worker-options.js'
import { Project } from '../../cli/project.js'
import { MemoryLines } from '../worker/rig.js'

const PATIENCE = 60_000

/** Slow machines start children slowly. */
const SETTINGS = 'workerProcAliveTimeout: 60, workerPoolRestarts: true, workerColdShutdownTimeout: 0.5'

/** A worker in this process, whose pool has real children, over SQLite. */
export class PoolStage implements AsyncDisposable {
  readonly project: Project
  readonly app: App
  readonly worker: Worker
  readonly log: MemoryLog

  private constructor(project: Project, app: App, worker: Worker, log: MemoryLog) {
    this.project = project
    this.app = app
    this.worker = worker
    this.log = log
  }

  /** `tasks`: source after `export const app = …`. */
  static async open(pool: string, tasks: string, settings = '', options: WorkerOptions = {}): Promise<PoolStage> {
    const stage = await PoolStage.prepare(pool, tasks, settings, options)
    await stage.worker.start()
    return stage
  }

  /** Not started yet. */
  static async prepare(pool: string, tasks: string, settings = '', options: WorkerOptions = {}): Promise<PoolStage> {
    const project = new Project()
    const file = project.module(`${SETTINGS}, ${settings}`, tasks)
    const { app } = (await loadModule(file, doors)) as { readonly app: App } // written above
    const log = memoryLog()
    app.configure(undefined, { runtime: nodeRuntime({ log: log.log }) })
    const worker = new Worker(
      app,
      { name: 'pool@here', pool, concurrency: 2, module: file, ...options },
      { spool: new MemoryLines() },
    )
    return new PoolStage(project, app, worker, log)
  }

  async send(task: string, args: readonly unknown[] = [], taskId?: string): Promise<string> {
    return (await this.app.sendTask(task, args, taskId === undefined ? {} : { taskId })).id
  }

  /** Its record, once it is in that state. */
  async until(id: string, ...states: readonly string[]): Promise<ResultMeta> {
    let last: string | undefined
    for (let began = performance.now(); performance.now() - began < PATIENCE; ) {
      const meta = await (await this.app.resultBackend()).fetch(id as ResultMeta['taskId'])
      last = meta?.status
      if (meta !== undefined && states.includes(meta.status)) return meta
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    throw new Error(`${id} is ${last}, not ${states.join(' or ')}\n${this.lines}`)
  }

  /** What it came to. */
  end(id: string): Promise<ResultMeta> {
    return this.until(id, 'SUCCESS', 'FAILURE', 'REVOKED')
  }

  async run(task: string, ...args: readonly unknown[]): Promise<ResultMeta> {
    return await this.end(await this.send(task, args))
  }

  get lines(): string {
    return this.log.lines.map(({ level, message }) => `${level} ${message}`).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop('cold')
    await this.app[Symbol.asyncDispose]()
    this.project[Symbol.dispose]()
  }
}

/** Resolves when it holds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let began = performance.now(); performance.now() - began < PATIENCE; ) {
    if (holds()) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`waited in vain for ${what}`)
}
