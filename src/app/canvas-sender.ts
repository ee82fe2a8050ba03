import type { ResultBackend } from '../backends/backend.js'
import { checkCanvas } from '../canvas/check-canvas.js'
import type { Dag } from '../canvas/dag.js'
import { kindOf } from '../canvas/members.js'
import { planCanvas } from '../canvas/plan.js'
import type { Runtime } from '../lib/runtime.js'
import { uuid4 } from '../lib/uuid.js'
import { type TaskId, taskId } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import { applyCanvas, applyDag, type CanvasWorld, checkCallable } from './apply-canvas.js'
import type { CallOptions } from './call-options.js'
import { type Addition, type AdditionWorld, addToChord, countedInChord } from './chord-addition.js'
import { chordLife } from './chord-life.js'
import { type CallWorld, destinationOf } from './compose-call.js'
import { runningTask } from './current-task.js'
import { DagResult } from './dag-result.js'
import { derivedIds } from './derived-ids.js'
import type { EagerRuns } from './eager-runs.js'
import { GroupResult } from './group-result.js'
import type { AnyResult, ResultSource } from './result.js'
import { resultOf } from './result-of.js'
import { keywordedOptionsOf, setOptions } from './set-options.js'
import type { Settings } from './settings.js'
import type { TaskContext } from './task-context.js'
import type { TaskPolicy } from './task-options.js'
import type { TaskSender } from './task-sender.js'
import type { Workflows } from './workflows.js'

/** What sending canvases needs of an app. */
export interface CanvasApp extends ResultSource, Pick<CallWorld, 'router' | 'taskOptions'> {
  readonly runtime: Runtime
  readonly settings: Settings
  readonly limits: Limits
  readonly workflows: Pick<Workflows, 'track'>
  policy(name: string): Pick<TaskPolicy, 'trail'>
  backend(): Promise<ResultBackend | undefined>
}

export interface CanvasSenderParts {
  readonly tasks: TaskSender
  readonly eager: Pick<EagerRuns, 'play'>
  /** What later tasks carry, so that whoever publishes them asks for answers to us; undefined = results need no address. */
  answersTo(): string | undefined
}

/** Sends canvases task by task, with what sending each of them needs to be told of the whole. */
export class CanvasSender {
  readonly #app: CanvasApp
  readonly #parts: CanvasSenderParts

  constructor(app: CanvasApp, parts: CanvasSenderParts) {
    this.#app = app
    this.#parts = parts
  }

  /** As `App.apply`. */
  async apply(call: Signature, options: CallOptions): Promise<AnyResult> {
    const context = runningTask()
    const world = this.#applyingWorld(context)
    if (kindOf(call) === 'task') {
      await checkCallable(call, world)
      return await this.#parts.tasks.sendSignature(call, options)
    }
    const { result, rootId, ends } = await applyCanvas(setOptions(call, options), world)
    if (context !== undefined && this.#app.policy(context.task).trail) context.addChild(result)
    return resultOf(result, this.#app, rootId, ends)
  }

  /** The same for a graph; `options` are laid over those of each of its nodes. */
  async applyDag(dag: Dag, options: CallOptions): Promise<DagResult<object>> {
    const context = runningTask()
    const nodes = dag.nodes.map(step => ({ ...step, run: setOptions(step.run, options) }))
    const { results, id, rootId, ends } = await applyDag(
      { ...dag, nodes },
      {
        ...this.#applyingWorld(context),
        beside: (signature, other) => setOptions(signature, destinationOf(this.#app, other)),
      },
    )
    const members = nodes.flatMap(({ name }) => results.get(name) ?? [])
    const group = { id, parent: undefined, members }
    if (context !== undefined && this.#app.policy(context.task).trail) context.addChild(group)
    const reached = members.map(member => resultOf(member, this.#app, rootId, ends))
    const named = nodes.flatMap(({ name, after }, at) => {
      const result = reached[at]
      return result === undefined ? [] : [{ name, after, result }]
    })
    return new DagResult(named, new GroupResult(id, reached, this.#app, { rootId }))
  }

  /** As `App.applyOnce`. */
  async applyOnce(id: string, canvas: Signature, options: CallOptions): Promise<void> {
    await applyCanvas(setOptions(canvas, { ...options, taskId: id }), {
      ...this.#canvasWorld(undefined),
      draw: derivedIds(id),
      publish: (signature, root) => {
        const own = keywordedOptionsOf(signature)
        const { task, args } = signature
        return this.#parts.tasks.sendOnce(own.taskId ?? id, task, args, { ...own, rootId: own.rootId ?? root })
      },
    })
  }

  /** As `App.checkCanvas`. */
  check(id: string, canvas: Signature, options: CallOptions): ResultTuple {
    const named = setOptions(canvas, { ...options, taskId: id })
    checkCanvas(named, this.#app.limits)
    const { steps, result } = planCanvas(named, { draw: derivedIds(id), replyTo: this.#parts.answersTo() })
    for (const step of steps) {
      if (step.kind !== 'publish') continue
      const { task, args } = step.signature
      this.#parts.tasks.check(task, args, keywordedOptionsOf(step.signature))
    }
    return result
  }

  /** As `App.addToChord`. */
  addToChord(request: TaskRequest, addition: Addition): Promise<AnyResult> {
    return addToChord(this.#additionWorld(), request, addition)
  }

  /** As `App.countInChord`. */
  async countInChord(request: TaskRequest, addition: Addition): Promise<Signature> {
    return (await countedInChord(this.#additionWorld(), request, addition)).signature
  }

  /** Of `apply`: where tasks are eager nothing is sent. */
  #applyingWorld(context: TaskContext | undefined): CanvasWorld {
    const world = this.#canvasWorld(context)
    if (!this.#app.settings.taskAlwaysEager) return world
    const lineage = { rootId: context?.rootId, parentId: context?.id }
    return { ...world, play: (steps, results) => this.#parts.eager.play(steps, results, lineage) }
  }

  #canvasWorld(context: TaskContext | undefined): CanvasWorld {
    const app = this.#app
    return {
      draw: () => taskId(uuid4(app.runtime.random)),
      limits: app.limits,
      replyTo: this.#parts.answersTo(),
      chordLife: chordLife(app.settings),
      backend: () => app.backend(),
      rootId: context?.rootId,
      ...(app.settings.trackWorkflows && {
        track: (rootId: TaskId, ends: readonly TaskId[], steps: readonly WorkflowStep[]) =>
          app.workflows.track({ rootId, ends, steps }),
      }),
      publish: (signature, root) => {
        const own = keywordedOptionsOf(signature)
        const options = { ...own, rootId: own.rootId ?? root, addToParent: false }
        return this.#parts.tasks.send(signature.task, signature.args, options)
      },
    }
  }

  #additionWorld(): AdditionWorld {
    const app = this.#app
    return {
      runtime: app.runtime,
      replyTo: this.#parts.answersTo(),
      chordLife: chordLife(app.settings),
      resultBackend: () => app.resultBackend(),
      checkCallable: signature => checkCallable(signature, this.#canvasWorld(undefined)),
      applyCanvas: signature => this.apply(signature, NO_OPTIONS),
    }
  }
}

const NO_OPTIONS: CallOptions = Object.freeze({})
