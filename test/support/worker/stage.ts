import type { App } from '../../../src/app/app.js'
import { currentTask } from '../../../src/app/current-task.js'
import type { ObservedEvent } from '../../../src/app/extension.js'
import type { SettingsInput } from '../../../src/app/settings.js'
import type { TaskOptions } from '../../../src/app/task-options.js'
import type { QueueStats } from '../../../src/brokers/broker.js'
import type { Ms } from '../../../src/lib/time.js'
import { fromDeadLetter } from '../../../src/protocol/dead-letter.js'
import type { QueueName, TaskName } from '../../../src/protocol/ids.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import type { Signature } from '../../../src/protocol/signature.js'
import { SimCluster, type SimNode, type SimWorkerNode } from '../../../src/testing/sim/sim-cluster.js'
import type { SimPlace } from '../../../src/testing/sim/sim-place.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { type SimReport, simulate } from '../../../src/testing/sim/simulate.js'
import type { Effect } from '../../../src/worker/effect.js'
import type { WorkerOptions } from '../../../src/worker/worker-options.js'

/** A handler that also hears of the process it runs in. */
type Play = (stage: Stage, process: SimProcess, ...args: never[]) => unknown

export interface StageOptions {
  readonly tasks?: Readonly<Record<string, Play | readonly [Play, TaskOptions]>>
  readonly settings?: SettingsInput
  /** The broker. Default: a `LeasePlace`. */
  readonly place?: (world: SimWorld) => SimPlace
  readonly leaseMs?: Ms
  readonly renewMs?: Ms
  /** So long each effect of a worker takes beyond its way to the store. Default none. */
  readonly effectMs?: Ms
  /** Called for every process, after its tasks. */
  readonly prepare?: (app: App, process: SimProcess) => void
}

export interface Entry {
  readonly id: string
  readonly task: string
  readonly retries: number
  readonly worker: string
  readonly at: Ms
}

/**
 * A cluster in virtual time with a journal: what was entered where and when, what extensions were told, and which
 * effects were performed.
 */
export class Stage {
  readonly world: SimWorld
  readonly cluster: SimCluster
  readonly client: SimNode
  readonly app: App
  readonly journal: Entry[] = []
  readonly events: (ObservedEvent & { readonly on: string })[] = []
  readonly effects: string[] = []
  readonly #effectMs: Ms | undefined

  constructor(world: SimWorld, options: StageOptions) {
    this.world = world
    this.#effectMs = options.effectMs
    this.cluster = new SimCluster(world, {
      tasks: (app, process) => this.#define(app, process, options),
      settings: options.settings ?? {},
      leaseMs: options.leaseMs ?? 2000,
      renewMs: options.renewMs ?? 500,
      ...(options.place === undefined ? {} : { place: options.place(world) }),
    })
    this.client = this.cluster.client('client')
    this.app = this.client.app
  }

  /** A worker that consumes by the time this resolves. */
  async worker(name = 'w', options: WorkerOptions = {}): Promise<SimWorkerNode> {
    const node = this.startWorker(name, options)
    await this.world.sleep(100)
    return node
  }

  startWorker(name: string, options: WorkerOptions = {}): SimWorkerNode {
    return this.cluster.worker(name, options, {
      afterEffect: (effect, running) => {
        this.effects.push(`${running.request.id} ${word(effect)}`)
        return this.#effectMs === undefined ? undefined : this.world.sleep(this.#effectMs)
      },
    })
  }

  entries(id: string): readonly Entry[] {
    return this.journal.filter(entry => entry.id === id)
  }

  /** How often the handler was entered for this id. */
  runs(id: string): number {
    return this.entries(id).length
  }

  started(id: string, bound: Ms = 60_000): Promise<void> {
    return this.world.until(`${id} starts`, () => this.runs(id) > 0, bound)
  }

  types(id: string): readonly string[] {
    return this.events.filter(event => event.fields['id'] === id).map(event => event.type)
  }

  effectsOf(id: string): readonly string[] {
    return this.effects.filter(line => line.startsWith(`${id} `)).map(line => line.slice(id.length + 1))
  }

  meta(id: string): Promise<ResultMeta | undefined> {
    return this.cluster.result(id)
  }

  async status(id: string): Promise<string | undefined> {
    return (await this.meta(id))?.status
  }

  quiet(bound: Ms = 120_000): Promise<void> {
    return this.cluster.quiet(bound)
  }

  async stats(queue = 'celery'): Promise<QueueStats> {
    await using connection = await this.cluster.observe()
    await connection.declare({ queues: [{ name: queue as QueueName }] })
    return connection.stats(queue as QueueName)
  }

  async dead(queue = 'celery') {
    const letters = await this.cluster.contents(`${queue}.dead`)
    return letters.flatMap(({ message }) => {
      const letter = fromDeadLetter(message)
      return letter === undefined ? [] : [letter]
    })
  }

  async reasons(queue = 'celery'): Promise<readonly string[]> {
    return (await this.dead(queue)).map(({ record }) => record.reason)
  }

  #define(app: App, process: SimProcess, { tasks = {}, prepare }: StageOptions): void {
    app.use({ name: 'stage', observe: event => void this.events.push({ ...event, on: process.name }) })
    for (const [name, given] of Object.entries(tasks)) {
      const [play, options] = typeof given === 'function' ? [given, {}] : given
      const handler = (...args: readonly unknown[]): unknown => {
        const { id, task, retries } = currentTask()
        this.journal.push({ id, task, retries, worker: process.name, at: this.world.now })
        return play(this, process, ...(args as never[]))
      }
      app.task(name, handler, options)
    }
    prepare?.(app, process)
  }
}

export function onStage(
  options: StageOptions,
  play: (stage: Stage) => Promise<void>,
  seed: number | string = 'rules',
): Promise<SimReport<void>> {
  return simulate(seed, world => play(new Stage(world, options)), { keep: 100_000 })
}

/** Sleeps by the clock of the process it runs in, deaf to every signal. */
export function sleeper(ms: Ms, value: unknown = 'slept'): Play {
  return async (_stage, process) => {
    await process.runtime.clock.sleep(ms)
    return value
  }
}

export function sig(
  task: string,
  taskId: string,
  args: readonly unknown[] = [],
  options: Readonly<Record<string, unknown>> = {},
): Signature {
  return {
    task: task as TaskName,
    args,
    kwargs: {},
    options: { task_id: taskId, ...options },
    subtaskType: null,
    immutable: false,
  }
}

/** Log lines of a report: `level message`. */
export function logLines(report: SimReport<unknown>): readonly string[] {
  return report.trace.flatMap(line => /^ *[\d.]+ {2}\S+ +log +(.*)$/.exec(line)?.[1] ?? [])
}

function word(effect: Effect): string {
  switch (effect.kind) {
    case 'store':
      return `store ${effect.meta.status}${effect.own ? '' : ` of ${effect.meta.taskId}`}`
    case 'publish':
      return effect.task.kind === 'retry'
        ? `publish retry ${effect.task.retries}`
        : `publish ${effect.task.signature.task}`
    case 'emit':
      return effect.event.type
    case 'requeue':
      return effect.counted ? 'requeue counted' : 'requeue'
    case 'dead-letter':
      return `dead ${effect.record.reason}`
    default:
      return effect.kind
  }
}
