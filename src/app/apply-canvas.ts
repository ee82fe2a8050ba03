import type { ResultBackend } from '../backends/backend.js'
import { checkCanvas, gatheringIn, pathOf } from '../canvas/check-canvas.js'
import type { Dag } from '../canvas/dag.js'
import { CanvasError } from '../canvas/errors.js'
import { planCanvas } from '../canvas/plan.js'
import { type DagParts, planDag } from '../canvas/plan-dag.js'
import { isNested, leavesOf } from '../canvas/result-tuples.js'
import type { Ms } from '../lib/time.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { canvasProblem } from '../protocol/signature-dict.js'
import { signatureRootId, signatureTaskId } from '../protocol/signature-options.js'
import { embeddedIn } from '../protocol/signature-place.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import { chordMemo } from './chord-memo.js'

/** What sending a canvas needs of an app. */
export interface CanvasWorld {
  /** A new id for each part of the canvas that has none. */
  draw(): TaskId
  readonly limits: Limits
  /** Undefined: results do not come as messages. */
  readonly replyTo: string | undefined
  /** How long an open chord is remembered after its last part; undefined = as long as it takes. */
  readonly chordLife: Ms | undefined
  backend(): Promise<ResultBackend | undefined>
  /** Of the task that sends it; undefined = it is a workflow of its own. */
  readonly rootId: TaskId | undefined
  /** Keeps what is sent, where that is wanted. Never rejects. */
  track?(rootId: TaskId, ends: readonly TaskId[], steps: readonly WorkflowStep[]): Promise<void>
  /** Runs it here instead, with chords that are counted here. */
  play?(steps: readonly WorkflowStep[], results: readonly ResultTuple[]): Promise<CarriedOut>
  /** Resolves when the broker has it. */
  publish(signature: Signature, rootId: TaskId | undefined): Promise<unknown>
}

export interface CarriedOut {
  /** What all tasks of the workflow have in common: the id of the first one. Undefined: nothing was sent. */
  readonly rootId: TaskId | undefined
  /** How every task that its results name ended, where it has run here. */
  readonly ends?: ReadonlyMap<TaskId, ResultMeta>
}

export interface Applied extends CarriedOut {
  readonly result: ResultTuple
}

/** So many messages are encoded and under way at a time: a group of any size takes no more memory than that. */
const SLICE = 500

/**
 * Sends a canvas: everything that can start now, in order, a slice at a time. Resolves to its result when the broker has
 * all of it. Throws `CanvasError` for what can never run, before anything is sent; what `publish` rejects with otherwise.
 */
export async function applyCanvas(signature: Signature, world: CanvasWorld): Promise<Applied> {
  await checkCallable(signature, world)
  const { steps, result } = planCanvas(signature, { draw: world.draw, replyTo: world.replyTo })
  return { result, ...(await carryOut(steps, [result], pathOf(signature), world)) }
}

/** Throws `CanvasError` for what can never run: malformed, too large, or with a chord that nobody counts. */
export async function checkCallable(signature: Signature, world: CanvasWorld): Promise<void> {
  checkCanvas(signature, world.limits)
  const gathers = gatheringIn(signature)
  if (gathers !== undefined) await mustCount(gathers, world)
}

export interface AppliedDag extends CarriedOut {
  readonly results: ReadonlyMap<string, ResultTuple>
  /** Of the group of all nodes. */
  readonly id: GroupId
}

/** Sends all nodes of a graph that come after nothing; as `applyCanvas`. */
export async function applyDag(dag: Dag, world: CanvasWorld & Pick<DagParts, 'beside'>): Promise<AppliedDag> {
  for (const { name, run } of dag.nodes) checkCanvas(run, world.limits, `dag.${name}`)
  const { limits, replyTo, beside, draw } = world
  const id = draw() as string as GroupId
  const { steps, results } = planDag(dag, { draw, replyTo, limits, beside })
  const gathers = dag.nodes.some(step => step.gathers) ? 'dag' : firstGathering(dag)
  if (gathers !== undefined) await mustCount(gathers, world)
  return { results, id, ...(await carryOut(steps, [...results.values()], 'dag', world)) }
}

function firstGathering({ nodes }: Dag): string | undefined {
  for (const { name, run } of nodes) {
    const path = gatheringIn(run, `dag.${name}`)
    if (path !== undefined) return path
  }
  return undefined
}

async function carryOut(
  steps: readonly WorkflowStep[],
  results: readonly ResultTuple[],
  path: string,
  world: CanvasWorld,
): Promise<CarriedOut> {
  checkMessages(steps, path, world.limits)
  if (world.play !== undefined) return await world.play(steps, results)
  const rootId = world.rootId ?? rootOf(steps)
  const isOwn = world.rootId === undefined && rootId !== undefined
  const tracked = isOwn ? world.track?.(rootId, results.flatMap(leavesOf), steps) : undefined
  let slice: Signature[] = []
  const flush = async (): Promise<void> => {
    const sending = slice
    slice = []
    await Promise.all(sending.map(one => world.publish(one, rootId)))
  }
  for (const step of steps) {
    if (step.kind === 'open-chord') await openChord(step, rootId, world)
    else slice.push(step.signature)
    if (slice.length === SLICE) await flush()
  }
  await flush()
  await tracked
  return { rootId }
}

/** L07 holds for each message, with all that is embedded in it: nothing of a canvas is sent when one is too large. */
function checkMessages(steps: readonly WorkflowStep[], path: string, limits: Limits): void {
  // All members of a header carry the same body.
  const known = new Set<unknown>()
  for (const step of steps) {
    if (step.kind !== 'publish') continue
    const embedded = embeddedIn(step.signature)
    const [only, another] = embedded
    if (only === undefined || (another === undefined && known.has(only))) continue
    const problem = canvasProblem(embedded, limits)
    if (problem !== undefined) throw new CanvasError(path, `in the message of ${step.signature.task}, ${problem} (L07)`)
    known.add(only)
  }
}

/** In Celery each task that a client sends is a root of its own; here all of one canvas can be told by one id. */
function rootOf(steps: readonly WorkflowStep[]): TaskId | undefined {
  for (const step of steps) {
    if (step.kind !== 'publish') continue
    return signatureRootId(step.signature) ?? signatureTaskId(step.signature)
  }
  return undefined
}

async function mustCount(path: string, world: CanvasWorld): Promise<void> {
  if (world.play !== undefined) return
  const backend = await world.backend()
  if (backend === undefined) {
    throw new CanvasError(path, 'a chord needs a result backend, which counts its parts; set `resultBackend`')
  }
  if (backend.features.chords) return
  throw new CanvasError(
    path,
    `results at ${backend.url} cannot be counted, so that no chord would ever end; use another \`resultBackend\``,
  )
}

async function openChord(
  { chord, parts, header, body, ends }: WorkflowStep & { readonly kind: 'open-chord' },
  rootId: TaskId | undefined,
  world: CanvasWorld,
): Promise<void> {
  const backend = await world.backend()
  const { chordLife: ttl, limits } = world
  const memo = chordMemo({ body, ends, rootId, priority: undefined }, limits)
  if (isNested(header)) await backend?.saveGroup({ id: chord, parent: undefined, members: header }, ttl)
  await backend?.setChordSize(chord, parts, ttl, memo)
}
