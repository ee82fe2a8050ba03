import type { Arrival, ResultBackend } from '../backends/backend.js'
import { createMemoryBackend } from '../backends/memory/memory-backend.js'
import { type Errback, errbacksOf, everyoneIn } from '../canvas/ends.js'
import { kindOf } from '../canvas/members.js'
import { type GivenOptions, planCanvas } from '../canvas/plan.js'
import { replacement } from '../canvas/replacement.js'
import { isNested, leavesOf } from '../canvas/result-tuples.js'
import { LovageError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import { uuid4 } from '../lib/uuid.js'
import { allSteps, laterSteps, nextStep } from '../protocol/chain-steps.js'
import { chordError, dependencyRaised } from '../protocol/chord-error.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import { formatIso } from '../protocol/iso8601.js'
import type { Limits } from '../protocol/limits.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo, ResultMeta, ResultTuple, State } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import {
  signatureChord,
  signatureGroupId,
  signatureGroupIndex,
  signatureTaskId,
} from '../protocol/signature-options.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import type { CarriedOut } from './apply-canvas.js'
import { bindArguments } from './bind-arguments.js'
import { type Addition, countedInChord } from './chord-addition.js'
import { type EagerParts, runEagerly } from './eager.js'
import { NotRegistered } from './errors.js'
import type { AnyResult } from './result.js'
import { resultOf } from './result-of.js'
import type { Runnable } from './runnable-of.js'
import type { OpenChord } from './task-context.js'
import type { TaskPolicy } from './task-options.js'

/** What running canvases in the caller needs of an app. */
export interface EagerWorld extends Omit<EagerParts, 'chord'> {
  readonly runtime: Runtime
  readonly limits: Limits
  /** Undefined: results do not come as messages. */
  readonly replyTo: string | undefined
  /** An error is thrown at the caller at once. */
  readonly propagates: boolean
  readonly results: Parameters<typeof resultOf>[1]
  find(name: string): Runnable | undefined
  policy(name: string): TaskPolicy
  /** As a worker would get it. Throws what publishing it would throw. */
  requestOf(signature: Signature, lineage: Lineage): TaskRequest
  checkCallable(signature: Signature): Promise<void>
}

/** Of which workflow, and because of whom, something runs. */
export interface Lineage {
  readonly rootId: TaskId | undefined
  readonly parentId: TaskId | undefined
}

interface Todo {
  readonly step: WorkflowStep
  readonly parentId: TaskId | undefined
}

/**
 * A canvas that runs in the caller (`taskAlwaysEager`): message by message, one after another, what follows a task at once after it,
 * with chords counted in a place of its own. It comes to what workers would make of it, but that nothing waits and nothing is lost.
 * Source: celery/canvas.py `apply` of each type; what follows what is that of worker/aftermath.ts.
 */
export class EagerCanvas {
  readonly #world: EagerWorld
  readonly #chords: ResultBackend
  readonly #bodies = new Map<GroupId, Signature>()
  readonly #todo: Todo[] = []
  /** How each task ended. */
  readonly #ends = new Map<TaskId, ResultMeta>()
  /** The id that all its tasks have in common. */
  #rootId: TaskId | undefined

  constructor(world: EagerWorld) {
    this.#world = world
    this.#chords = createMemoryBackend({ runtime: world.runtime, limits: world.limits })
  }

  /** Resolves when nothing is left to run. Rejects with the error of a task where those propagate. */
  async play(
    steps: readonly WorkflowStep[],
    results: readonly ResultTuple[],
    { rootId, parentId }: Lineage,
  ): Promise<CarriedOut> {
    this.#rootId = rootId
    this.#first(steps, parentId)
    await this.#drain()
    for (const result of results) this.#close(result)
    return { rootId: this.#rootId, ends: this.#ends }
  }

  /** The same for one task that is a message already; how it ended itself. */
  async run(request: TaskRequest): Promise<ResultMeta> {
    this.#rootId = request.rootId
    await this.#task(request)
    await this.#drain()
    return this.#ends.get(request.id) ?? this.#meta(request.id, 'IGNORED')
  }

  /** All is over: what somebody may wait for and nobody has run, since a task before it asked to be ignored, never will be. */
  #close(result: ResultTuple): void {
    for (let step: ResultTuple | undefined = result; step !== undefined; step = step.parent) {
      for (const id of leavesOf(step)) if (!this.#ends.has(id)) this.#ends.set(id, this.#meta(id, 'IGNORED'))
    }
  }

  async #drain(): Promise<void> {
    for (let next = this.#todo.shift(); next !== undefined; next = this.#todo.shift()) await this.#perform(next)
  }

  async #perform({ step, parentId }: Todo): Promise<void> {
    if (step.kind === 'open-chord') {
      const { chord, parts, body, header } = step
      this.#bodies.set(chord, body)
      if (isNested(header)) await this.#chords.saveGroup({ id: chord, parent: undefined, members: header }, undefined)
      await this.#chords.setChordSize(chord, parts, undefined)
      return
    }
    const id = signatureTaskId(step.signature)
    // A further attempt adds to its chord what an earlier one has added.
    if (id !== undefined && this.#ends.has(id)) return
    let request: TaskRequest
    try {
      request = this.#world.requestOf(step.signature, { rootId: this.#rootId, parentId })
    } catch (error) {
      await this.#failCanvas(step.signature, this.#failure(exceptionInfoOf(error).error))
      return
    }
    this.#rootId ??= request.rootId
    await this.#task(request)
  }

  async #task(request: TaskRequest): Promise<void> {
    const { find, policy, propagates } = this.#world
    const task = find(request.task)
    if (task === undefined) {
      const { error } = exceptionInfoOf(new NotRegistered([request.task]))
      return await this.#failed(request, { ...this.#failure(error), taskId: request.id })
    }
    const end = await runEagerly(request, task, policy(request.task), { ...this.#world, chord: this.#chordOf(request) })
    if (end.kind === 'replaced') {
      const { signature, options } = replacement(end.signature, request)
      return await this.#apply([{ signature, args: [], options }], request.parentId ?? request.id)
    }
    const { meta, error } = end
    if (meta.status === 'SUCCESS') return await this.#succeeded(request, meta)
    if (meta.status === 'FAILURE') return await this.#failed(request, meta, propagates ? error : undefined)
    await this.#end(meta)
    for (const step of allSteps(request.chain)) for (const one of everyoneIn(step)) await this.#endOf(one, meta)
  }

  async #succeeded(request: TaskRequest, meta: ResultMeta): Promise<void> {
    await this.#end(meta)
    const { callbacks, chain, id } = request
    const args = [meta.result]
    const next = nextStep(chain)
    const rest = chain.length > 1 ? { chain: laterSteps(chain) } : {}
    await this.#apply(
      [
        ...callbacks.map(signature => ({ signature, args })),
        ...(next === undefined ? [] : [{ signature: next, args, options: rest }]),
      ],
      id,
    )
    await this.#arrived(request, meta)
  }

  async #failed(request: TaskRequest, meta: ResultMeta, thrown?: unknown): Promise<void> {
    await this.#end(meta)
    if (thrown !== undefined) throw thrown
    const { chain, errbacks, id } = request
    for (const step of allSteps(chain)) await this.#failCanvas(step, meta)
    await this.#tell(
      errbacks.map(errback => ({ id, errback })),
      meta,
      request,
    )
    await this.#arrived(request, meta)
  }

  async #arrived({ chord: body, group: chord, groupIndex: index, id }: TaskRequest, meta: ResultMeta): Promise<void> {
    if (body === undefined || chord === undefined) return
    const arrival = await this.#chords.arrive({ chord, index, taskId: id, meta, size: undefined }, undefined)
    await this.#joined(chord, arrival)
  }

  /** All parts are there: the body with their values, or its failure and its errbacks. */
  async #joined(chord: GroupId, arrival: Arrival): Promise<void> {
    const body = this.#bodies.get(chord)
    if (arrival.kind !== 'complete' || body === undefined) return
    await this.#chords.close(chord)
    this.#bodies.delete(chord)
    const { parts } = arrival
    const failed = parts.find(part => part.status !== 'SUCCESS')
    if (failed === undefined) {
      return await this.#apply([{ signature: body, args: [parts.map(part => part.result)] }], parts.at(-1)?.taskId)
    }
    const ours = chordError(dependencyRaised(failed))
    // A body that is a group ends with what went wrong in the header itself.
    const failure = this.#failure(kindOf(body) === 'group' ? (failed.error ?? ours) : ours)
    await this.#failCanvas(body, failure)
    await this.#tell(errbacksOf(body), failure)
  }

  /** Nothing of it runs. */
  async #failCanvas(signature: Signature, failure: ResultMeta): Promise<void> {
    for (const one of everyoneIn(signature)) {
      const meta = await this.#endOf(one, failure)
      const chord = signatureGroupId(one)
      if (meta === undefined || chord === undefined || signatureChord(one) === undefined) continue
      const part = { chord, index: signatureGroupIndex(one), taskId: meta.taskId, meta, size: undefined }
      await this.#joined(chord, await this.#chords.arrive(part, undefined))
    }
  }

  async #tell(errbacks: readonly Errback[], failure: ResultMeta, request?: TaskRequest): Promise<void> {
    for (const { id, errback } of errbacks) {
      const task = this.#world.find(errback.task)
      if (task?.options.errback === 'inline') await this.#call(task, errback, failure, request ?? { id })
      else await this.#apply([{ signature: errback, args: [id] }], id)
    }
  }

  /** An inline errback: called like a function, its errors logged and swallowed. */
  async #call(task: Runnable, errback: Signature, { error, traceback }: ResultMeta, of: unknown): Promise<void> {
    const given = errback.immutable ? errback.args : [of, error, traceback, ...errback.args]
    try {
      const args = bindArguments(errback.task, given, errback.kwargs, task.options.params, task.handler.length)
      await task.handler(...(args as never[]))
    } catch (cause) {
      this.#world.runtime.log.error(`Errback ${errback.task} failed: ${String(cause)}`, { error: cause })
    }
  }

  /** They are what comes next, in their order. */
  async #apply(calls: readonly Applied[], parentId: TaskId | undefined): Promise<void> {
    const steps: WorkflowStep[] = []
    for (const { signature, args, options = {} } of calls) {
      const { replyTo } = this.#world
      try {
        steps.push(...planCanvas(signature, { args, options, draw: () => this.#draw(), replyTo }).steps)
      } catch (error) {
        await this.#failCanvas(signature, this.#failure(exceptionInfoOf(error).error))
      }
    }
    this.#first(steps, parentId)
  }

  #first(steps: readonly WorkflowStep[], parentId: TaskId | undefined): void {
    this.#todo.unshift(...steps.map(step => ({ step, parentId })))
  }

  #chordOf(request: TaskRequest): OpenChord | undefined {
    if (request.chord === undefined || request.group === undefined) return undefined
    return {
      addToChord: addition => this.#add(request, addition),
      countInChord: async () => {
        const what = 'What is added to a chord lazily cannot be run in the caller'
        throw new LovageError('LVG_EAGER', `${what}. Call addToChord() without \`lazy\`.`)
      },
    }
  }

  /** What is added runs after the task that adds it. */
  async #add(request: TaskRequest, addition: Addition): Promise<AnyResult> {
    const { runtime, replyTo, results, checkCallable } = this.#world
    const world = { runtime, replyTo, chordLife: undefined, checkCallable, resultBackend: async () => this.#chords }
    const { signature } = await countedInChord(world, request, addition)
    const plan = planCanvas(signature, { draw: () => this.#draw(), replyTo })
    this.#first(plan.steps, request.id)
    return resultOf(plan.result, results, this.#rootId, this.#ends)
  }

  /** Undefined: it has no name that anybody could wait for. */
  async #endOf(signature: Signature, like: ResultMeta): Promise<ResultMeta | undefined> {
    const taskId = signatureTaskId(signature)
    if (taskId === undefined) return undefined
    const meta = { ...like, taskId }
    await this.#end(meta)
    return meta
  }

  async #end(meta: ResultMeta): Promise<void> {
    this.#ends.set(meta.taskId, meta)
    await this.#world.storeState(meta)
  }

  #draw(): TaskId {
    return uuid4(this.#world.runtime.random) as TaskId
  }

  /** Its id is filled in where it is told. */
  #failure(error: ExceptionInfo): ResultMeta {
    return { ...this.#meta('' as TaskId, 'FAILURE'), error }
  }

  #meta(taskId: TaskId, status: State): ResultMeta {
    const dateDone = formatIso(this.#world.runtime.clock.now())
    return { taskId, status, result: undefined, error: undefined, traceback: undefined, children: undefined, dateDone }
  }
}

interface Applied {
  readonly signature: Signature
  readonly args: readonly unknown[]
  /** In wire names, over its own. */
  readonly options?: GivenOptions
}
