import type { ResultBackend } from '../backends/backend.js'
import { Freezer } from '../canvas/freeze.js'
import { leavesOf } from '../canvas/result-tuples.js'
import { LovageError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import { formatIso } from '../protocol/iso8601.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Signature } from '../protocol/signature.js'
import type { AnyResult } from './result.js'

/*
 * What a running task adds to the chord that it is a part of. The size is raised first, then the task is published: what crashes in
 * between runs again, and adds the same tasks under the same ids. Source: celery/app/task.py `add_to_chord`.
 */

/** What adding to a chord needs of an app. */
export interface AdditionWorld {
  readonly runtime: Pick<Runtime, 'clock'>
  /** Undefined: results do not come as messages. */
  readonly replyTo: string | undefined
  readonly chordLife: Ms | undefined
  resultBackend(): Promise<ResultBackend>
  /** Throws `CanvasError` for what can never run. */
  checkCallable(signature: Signature): Promise<void>
  applyCanvas(signature: Signature): Promise<AnyResult>
}

export interface Addition {
  readonly signature: Signature
  /** How many calls of the same attempt came before it. */
  readonly nth: number
}

/** Where a task stands in its chord. */
interface ChordPlace {
  readonly groupId: GroupId
  readonly groupIndex: number | undefined
  readonly chord: Signature
}

interface Counted {
  /** In its place in the chord, with ids. */
  readonly signature: Signature
  readonly place: ChordPlace
  readonly tasks: readonly TaskId[]
}

/** Raises the chord; gives what is to be published for it. Throws `LVG_NO_CHORD`, `LVG_CHORD_OVER`, and as the backend does. */
export async function countedInChord(
  world: Omit<AdditionWorld, 'applyCanvas'>,
  request: TaskRequest,
  { signature, nth }: Addition,
): Promise<Counted> {
  const { chord, group: groupId, groupIndex } = request
  if (chord === undefined || groupId === undefined) throw noChord(request, 'is a part of no chord')
  await world.checkCallable(signature)
  const backend = await world.resultBackend()
  const at = `results at ${backend.url}`
  if (!backend.features.chords)
    throw noChord(request, `is a part of a chord that cannot be counted: ${at} have no chords`)
  const place = { groupId, groupIndex, chord }
  const { replyTo } = world
  const frozen = new Freezer({ draw: drawing(request, nth), replyTo }).freeze(signature, place)
  const tasks = leavesOf(frozen.result)
  const answer = await backend.addToChord(groupId, tasks, world.chordLife)
  if (answer === 'unopened') {
    throw noChord(
      request,
      `is a part of a chord that ${at} do not count: its parts are waited for by celery.chord_unlock`,
    )
  }
  if (answer === 'over') {
    const what = `Nothing was added to the chord of task ${request.id}, whose parts have all come`
    throw new LovageError('LVG_CHORD_OVER', `${what}: this attempt is told of as ended already.`)
  }
  return { signature: frozen.signature, place, tasks }
}

/** The same, and publishes it. When that fails the chord fails, too, but for a further attempt that succeeds. */
export async function addToChord(world: AdditionWorld, request: TaskRequest, addition: Addition): Promise<AnyResult> {
  const counted = await countedInChord(world, request, addition)
  try {
    return await world.applyCanvas(counted.signature)
  } catch (error) {
    await failParts(world, counted, error)
    throw error
  }
}

/** Nobody waits for parts that were not sent. The task at hand is one that is missing still, so that no arrival here is the last. */
async function failParts(world: AdditionWorld, { place, tasks }: Counted, cause: unknown): Promise<void> {
  const backend = await world.resultBackend()
  const { error, traceback } = exceptionInfoOf(cause)
  const dateDone = formatIso(world.runtime.clock.now())
  const { groupId: chord, groupIndex: index } = place
  for (const taskId of tasks) {
    const meta = { taskId, status: 'FAILURE', result: undefined, error, traceback, children: undefined, dateDone }
    await backend.arrive({ chord, index, taskId, meta, size: undefined }, world.chordLife)
  }
}

/** D43: the same in every attempt, and others for what has taken the place of a task. */
function drawing({ id, replacedTaskNesting }: TaskRequest, nth: number): () => TaskId {
  let drawn = 0
  return () => uuid5(LOVAGE_NAMESPACE, `${id}:add:${replacedTaskNesting}:${nth}:${drawn++}`) as TaskId
}

/** `LVG_NO_CHORD`; `why` goes on after the task's name. */
export function noChord({ id, task }: TaskRequest, why: string): LovageError {
  return new LovageError(
    'LVG_NO_CHORD',
    `Nothing can be added: task ${task}[${id}] ${why}. Call addToChord() in a task of a chord's header, over a backend that counts.`,
  )
}
