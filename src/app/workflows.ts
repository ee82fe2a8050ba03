import type { ResultBackend } from '../backends/backend.js'
import { kindOf } from '../canvas/members.js'
import { outline } from '../canvas/outline.js'
import { isNested } from '../canvas/result-tuples.js'
import { everyoneOfSteps, type Resumption, resume } from '../canvas/resume.js'
import type { Control } from '../control/control.js'
import type { Inspect } from '../control/inspect.js'
import { LovageError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import { nameProblem, type TaskId } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { ResultMeta, State } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { signatureTaskId } from '../protocol/signature-options.js'
import { isFinal } from '../protocol/states.js'
import { type WorkflowRecord, workflowFromDict, workflowToDict } from '../protocol/workflow-record.js'
import { chordMemo } from './chord-memo.js'

/** What looking after workflows needs of an app. */
export interface WorkflowWorld {
  readonly runtime: Runtime
  readonly limits: Limits
  readonly resultExpires: Ms | undefined
  readonly chordLife: Ms | undefined
  readonly control: Control
  resultBackend(): Promise<ResultBackend>
  inspect(): Inspect
  publish(signature: Signature, rootId: TaskId): Promise<unknown>
}

/**
 * `running`: what it ends with has not ended. `resumed`: another workflow goes on with it. A workflow whose tasks were lost is
 * `running` for ever.
 */
export type WorkflowState = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'resumed'

export interface WorkflowSummary {
  /** Its root: what all its tasks have in common. */
  readonly id: string
  readonly state: WorkflowState
  readonly sentAt: Date
  readonly cancelledAt: Date | undefined
  /** The workflow that goes on with it. */
  readonly resumedAs: string | undefined
}

export interface WorkflowTask {
  readonly id: string
  readonly task: string
  /** `PENDING`: nothing is stored. */
  readonly state: State
  /** What comes after something else stands one deeper than that. */
  readonly depth: number
}

export interface WorkflowView extends WorkflowSummary {
  /** Those of the canvas, in the order in which they come; what tasks themselves send is not among them. */
  readonly tasks: readonly WorkflowTask[]
}

export interface CancelWorkflow {
  /** Ends also what runs. Default false. */
  readonly terminate?: boolean | undefined
  /** Default `SIGTERM`. */
  readonly signal?: string | undefined
}

export interface ResumeWorkflow {
  /** Only what has failed or was revoked; not what has no record, which may wait in a queue. Default false. */
  readonly failedOnly?: boolean | undefined
}

export interface ResumedWorkflow {
  /** As it is called from now on. */
  readonly id: string
  /** Ids of the tasks that were sent. */
  readonly sent: readonly string[]
  /** Held by workers, or waiting for their next attempt. */
  readonly underWay: readonly string[]
}

/** The state under which workflows are stored; never that of a task. */
const WORKFLOW_STATE: State = 'LOVAGE-WORKFLOW'
const PREFIX = 'lovage-workflow.'
/** Tables have room for so much of an id. */
const LONGEST_ROOT: number = 155 - PREFIX.length
/** Records that are read, messages that are sent, at the same time. */
const TOGETHER = 100
const ASKED_TOGETHER = 1000
const MAX_LISTED = 10_000

/**
 * Workflows that were sent with `trackWorkflows`: canvases, each kept in the result store under its root, as long as results are.
 * All methods reject with `LVG_NO_RESULT_BACKEND` and `BackendError`.
 */
export class Workflows {
  readonly #world: WorkflowWorld

  constructor(world: WorkflowWorld) {
    this.#world = world
  }

  /** The newest first. `all`: also those that are over. */
  async list({ all = false }: { readonly all?: boolean } = {}): Promise<readonly WorkflowSummary[]> {
    const backend = await this.#world.resultBackend()
    const ids = (await backend.findIds?.(PREFIX, MAX_LISTED)) ?? []
    const records = await eachOf(ids, id => this.#read(backend, id))
    const summaries = await eachOf(records.filter(isThere), record => this.#summary(backend, record))
    return summaries
      .filter(({ state }) => all || state === 'running')
      .toSorted((a, b) => b.sentAt.getTime() - a.sentAt.getTime())
  }

  /** Rejects with `LVG_UNKNOWN_WORKFLOW`. */
  async show(id: string): Promise<WorkflowView> {
    const backend = await this.#world.resultBackend()
    const record = await this.#known(backend, id)
    const rows = outline(record.steps)
    const metas = await metasOf(
      backend,
      rows.map(row => row.id),
    )
    const tasks = rows.map(row => ({ ...row, state: metas.get(row.id)?.status ?? 'PENDING' }))
    return { ...(await this.#summary(backend, record)), tasks }
  }

  /**
   * Revokes all of it, also what nobody has sent yet. What has not ended is REVOKED from now on; with `terminate`, what runs is
   * ended. Works for any root, tracked or not. Resolves to the number of known tasks that had not ended.
   */
  async cancel(id: string, { terminate = false, signal }: CancelWorkflow = {}): Promise<number> {
    const { control, runtime } = this.#world
    const backend = await this.#world.resultBackend()
    const record = await this.#read(backend, recordId(id))
    const ids = record === undefined ? [] : taskIds(record)
    const metas = await metasOf(backend, ids)
    const open = ids.filter(one => !isFinal(metas.get(one)?.status ?? 'PENDING'))
    await control.revokeByRoot(id, { members: open, terminate, ...(signal === undefined ? {} : { signal }) })
    if (record !== undefined) await this.#write(backend, { ...record, cancelledAt: runtime.clock.now() })
    return open.length
  }

  /**
   * Sends again what has failed or was revoked, and what comes after it, under new ids, and what should have begun, has no record
   * and is held by no worker, under the ids that it had. What has succeeded stays, and its values are used. A workflow that was
   * cancelled goes on as another one. Rejects with `LVG_UNKNOWN_WORKFLOW`, `LVG_WORKFLOW_RUNNING`.
   */
  async resume(id: string, { failedOnly = false }: ResumeWorkflow = {}): Promise<ResumedWorkflow> {
    const { runtime } = this.#world
    const backend = await this.#world.resultBackend()
    const record = await this.#known(backend, id)
    if (record.resumedAs !== undefined) throw running(`it goes on as ${record.resumedAs}`, id)
    const ids = taskIds(record)
    const metas = await metasOf(backend, ids)
    const held = await this.#held(ids.filter(one => !isFinal(metas.get(one)?.status ?? 'PENDING')))
    const draw = (): TaskId => uuid4(runtime.random) as TaskId
    const plan = resume(record.steps, {
      meta: one => metas.get(one),
      underWay: one => failedOnly || held.has(one) || metas.get(one)?.status === 'RETRY',
      draw,
    })
    checkChords(plan, id)
    const wasRevoked = record.cancelledAt !== undefined || [...metas.values()].some(meta => meta.status === 'REVOKED')
    const rootId = wasRevoked && plan.sends.length > 0 ? draw() : record.rootId
    if (plan.sends.length > 0) await this.#goOn(backend, record, plan, rootId)
    return { id: rootId, sent: plan.sends.flatMap(one => signatureTaskId(one) ?? []), underWay: plan.underWay }
  }

  /** Keeps a canvas that is being sent. Never rejects: it is sent all the same. */
  async track(record: Pick<WorkflowRecord, 'rootId' | 'ends' | 'steps'>): Promise<void> {
    const { runtime } = this.#world
    if (record.rootId.length > LONGEST_ROOT) return
    const kept = { ...record, sentAt: runtime.clock.now(), cancelledAt: undefined, resumedAs: undefined }
    try {
      await this.#write(await this.#world.resultBackend(), kept)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      runtime.log.warning(`The workflow ${record.rootId} is not kept, and cannot be shown or resumed: ${why}`)
    }
  }

  async #goOn(backend: ResultBackend, record: WorkflowRecord, plan: Resumption, rootId: TaskId): Promise<void> {
    const { chordLife: ttl, limits } = this.#world
    const ends = record.ends.map(end => (plan.names.get(end) ?? end) as TaskId)
    const goesOn = { ...record, rootId, ends, steps: plan.steps, cancelledAt: undefined }
    await this.#write(backend, goesOn)
    if (rootId !== record.rootId) await this.#write(backend, { ...record, resumedAs: rootId })
    for (const { chord, parts, body, header, ends: of } of plan.chords) {
      if (isNested(header)) await backend.saveGroup({ id: chord, parent: undefined, members: header }, ttl)
      await backend.setChordSize(chord, parts, ttl, chordMemo({ body, ends: of, rootId, priority: undefined }, limits))
    }
    await eachOf(plan.parts, ({ chord, index, meta }) =>
      backend.arrive({ chord, index, taskId: meta.taskId, meta, size: undefined }, ttl),
    )
    await eachOf(plan.sends, signature => this.#world.publish(signature, rootId))
  }

  /** Those that some worker has. */
  async #held(ids: readonly TaskId[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for (let at = 0; at < ids.length; at += ASKED_TOGETHER) {
      const replies = await this.#world.inspect().queryTask(...ids.slice(at, at + ASKED_TOGETHER))
      for (const reply of Object.values(replies)) for (const id of Object.keys(reply)) found.add(id)
    }
    return found
  }

  async #summary(backend: ResultBackend, record: WorkflowRecord): Promise<WorkflowSummary> {
    const metas = await metasOf(backend, record.ends)
    const { rootId: id, sentAt, cancelledAt, resumedAs } = record
    const state = stateOf(
      record,
      record.ends.map(end => metas.get(end)?.status ?? 'PENDING'),
    )
    return { id, state, sentAt: new Date(sentAt), cancelledAt: dateOf(cancelledAt), resumedAs }
  }

  async #known(backend: ResultBackend, id: string): Promise<WorkflowRecord> {
    const record = await this.#read(backend, recordId(id))
    if (record !== undefined) return record
    throw new LovageError(
      'LVG_UNKNOWN_WORKFLOW',
      `Nothing is known of a workflow with the root ${id}. Canvases are kept where their senders have \`trackWorkflows\`, as long as results are; see \`lovage workflow list --all\`.`,
    )
  }

  async #read(backend: ResultBackend, id: TaskId | undefined): Promise<WorkflowRecord | undefined> {
    const meta = id === undefined ? undefined : await backend.fetch(id)
    return meta?.status === WORKFLOW_STATE ? workflowFromDict(meta.result, this.#world.limits) : undefined
  }

  async #write(backend: ResultBackend, record: WorkflowRecord): Promise<void> {
    const taskId = recordId(record.rootId)
    if (taskId === undefined) return
    const none = { error: undefined, traceback: undefined, children: undefined, dateDone: undefined }
    const meta: ResultMeta = {
      taskId,
      status: WORKFLOW_STATE,
      result: workflowToDict(record, this.#world.limits),
      ...none,
    }
    await backend.store(meta, { ttl: this.#world.resultExpires, fence: undefined })
  }
}

/** Undefined: no workflow has that root. */
function recordId(rootId: string): TaskId | undefined {
  const id = PREFIX + rootId
  return nameProblem(id) === undefined && rootId.length <= LONGEST_ROOT ? (id as TaskId) : undefined
}

function taskIds({ steps }: WorkflowRecord): readonly TaskId[] {
  const tasks = everyoneOfSteps(steps).filter(one => kindOf(one) === 'task')
  return [...new Set(tasks.flatMap(one => signatureTaskId(one) ?? []))]
}

function stateOf({ resumedAs, cancelledAt }: WorkflowRecord, ends: readonly State[]): WorkflowState {
  if (resumedAs !== undefined) return 'resumed'
  if (ends.every(state => state === 'SUCCESS')) return 'succeeded'
  if (cancelledAt !== undefined) return 'cancelled'
  return ends.every(isFinal) ? 'failed' : 'running'
}

/** A part that still runs would tell its end to a chord that is over. */
function checkChords({ chords, names, underWay }: Resumption, id: string): void {
  const fresh = new Set(names.values())
  if (underWay.length === 0 || !chords.some(({ chord }) => fresh.has(chord))) return
  throw running(
    `a chord of it has failed, and ${underWay.length} of its tasks are still under way (${underWay.slice(0, 3).join(', ')}); wait for them, or cancel it with \`terminate\``,
    id,
  )
}

function running(why: string, id: string): LovageError {
  return new LovageError('LVG_WORKFLOW_RUNNING', `The workflow ${id} cannot be resumed: ${why}.`)
}

async function metasOf(backend: ResultBackend, ids: readonly TaskId[]): Promise<ReadonlyMap<TaskId, ResultMeta>> {
  const metas = await eachOf(ids, id => backend.fetch(id))
  return new Map(metas.filter(isThere).map(meta => [meta.taskId, meta]))
}

async function eachOf<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += TOGETHER)
    results.push(...(await Promise.all(items.slice(at, at + TOGETHER).map(act))))
  return results
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}

function dateOf(at: EpochMs | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at)
}
