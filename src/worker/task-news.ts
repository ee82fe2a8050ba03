import type { App } from '../app/app.js'
import { observeAll } from '../app/extension.js'
import type { Call } from '../pools/pool.js'
import type { NodeName } from '../protocol/ids.js'
import type { TaskEvent } from './effect.js'
import { logTaskEvent } from './log-lines.js'
import type { RejectionLines } from './rejection-lines.js'
import { latestClaim, type Running } from './running.js'
import type { WorkerEvents } from './worker-events.js'

export interface TaskNewsParts {
  readonly app: Pick<App, 'extensions' | 'runtime'>
  /** Of the worker. */
  readonly name: NodeName
  readonly rejections: Pick<RejectionLines, 'tell'>
  readonly events: Pick<WorkerEvents, 'tell' | 'tellOwn'>
}

type Fields = Readonly<Record<string, unknown>>

/** What a worker tells of its tasks, to everybody who may want to know: the log, extensions, and the events of the cluster. */
export class TaskNews {
  readonly #parts: TaskNewsParts

  constructor(parts: TaskNewsParts) {
    this.#parts = parts
  }

  /** Something happened to a task. */
  tell(event: TaskEvent, running: Running): void {
    const { app, name, rejections, events } = this.#parts
    const { request } = running
    const delivery = running.deliveries.at(-1)
    logTaskEvent(request, event, { log: app.runtime.log, rejections, queue: delivery?.queue ?? 'its queue' })
    if (app.extensions.length > 0) {
      const { type, ...fields } = event
      const { id, task, retries } = request
      const claim = latestClaim(running)
      const place = { queue: delivery?.queue, enqueuedAt: delivery?.enqueuedAt, eta: request.eta }
      this.#observe(type, { id, task, retries, claim, worker: name, ...place, ...fields })
    }
    events.tell(event, request)
  }

  /** An event of the handler's own. `when` as in `WorkerEvents.tellOwn`. */
  tellOwn(
    { request, claim, queue, hostname: worker }: Call,
    type: string,
    fields: Fields,
    when: 'always' | 'with-others',
  ): void {
    const { id, task, retries } = request
    this.#observe(type, { ...fields, id, task, retries, claim, queue, worker })
    this.#parts.events.tellOwn(request, type, fields, when)
  }

  /** Something happened to the worker itself, which is for extensions alone. */
  happened(type: string, fields: Fields): void {
    this.#observe(type, { ...fields, worker: this.#parts.name })
  }

  #observe(type: string, fields: Fields): void {
    const { extensions, runtime } = this.#parts.app
    observeAll(extensions, runtime.log, { type, fields })
  }
}
