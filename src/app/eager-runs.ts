import type { ResultBackend } from '../backends/backend.js'
import { checkCanvas } from '../canvas/check-canvas.js'
import { ConfigError } from '../lib/errors.js'
import { decodeTask } from '../protocol/decode-task.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import type { CarriedOut } from './apply-canvas.js'
import type { EagerCanvas, Lineage } from './eager-canvas.js'
import type { Events } from './events.js'
import { type OutgoingWorld, outgoing } from './outgoing.js'
import type { ResultSource } from './result.js'
import { runnableOf } from './runnable-of.js'
import type { RegisteredTask } from './task.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'

/** What running tasks in the caller needs of an app, which may be in a test meanwhile: it is asked anew for each run. */
export interface EagerApp extends OutgoingWorld, ResultSource {
  readonly events: Pick<Events, 'send'>
  findTask(name: string): RegisteredTask | undefined
  taskOptions(name: string): TaskOptions | undefined
  policy(name: string): TaskPolicy
  backend(): Promise<ResultBackend | undefined>
}

/** What runs in the caller instead of being sent, with `taskAlwaysEager`. */
export class EagerRuns {
  readonly #app: EagerApp
  readonly #answersTo: () => string | undefined

  /** `answersTo`: where answers by message would come to; undefined = results do not come as messages. */
  constructor(app: EagerApp, answersTo: () => string | undefined) {
    this.#app = app
    this.#answersTo = answersTo
  }

  /** The task of a message, and what follows it; how it ended itself. Throws `LVG_EAGER` for what no worker could read. */
  async run(name: string, message: Message): Promise<ResultMeta> {
    const canvas = await this.#canvas()
    return await canvas.run(this.#requestOf(name, message))
  }

  /** As `EagerCanvas.play`. */
  async play(steps: readonly WorkflowStep[], results: readonly ResultTuple[], lineage: Lineage): Promise<CarriedOut> {
    const canvas = await this.#canvas()
    return await canvas.play(steps, results, lineage)
  }

  /** Of one call. Loaded where tasks are eager. */
  async #canvas(): Promise<EagerCanvas> {
    const { EagerCanvas } = await import('./eager-canvas.js')
    const app = this.#app
    return new EagerCanvas({
      runtime: app.runtime,
      limits: app.limits,
      replyTo: this.#answersTo(),
      propagates: app.settings.taskEagerPropagates,
      results: app,
      find: name => runnableOf(name, app),
      policy: name => app.policy(name),
      requestOf: (signature, lineage) => this.#requestOf(signature.task, outgoing(app, signature, lineage).message),
      checkCallable: async signature => checkCanvas(signature, app.limits),
      storeState: meta => this.#store(meta),
      sendEvent: (type, fields) => app.events.send(type, fields),
    })
  }

  /** As a worker would get it. */
  #requestOf(name: string, message: Message): TaskRequest {
    const decoded = decodeTask(message, this.#app.codec)
    if (decoded.kind === 'task') return decoded.request
    throw new ConfigError('LVG_EAGER', `Task ${name} cannot be run in the caller: ${decoded.detail}`)
  }

  async #store(meta: ResultMeta): Promise<void> {
    const { taskStoreEagerResult, resultExpires: ttl } = this.#app.settings
    if (!taskStoreEagerResult) return
    const backend = await this.#app.backend()
    await backend?.store(meta, { ttl, fence: undefined })
  }
}
