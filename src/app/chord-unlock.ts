import type { ResultBackend } from '../backends/backend.js'
import { ChordTree } from '../backends/chord-tree.js'
import { withArguments } from '../canvas/arguments.js'
import { errbacksOf, everyoneIn } from '../canvas/ends.js'
import { leavesOf } from '../canvas/result-tuples.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import { chordError, dependencyRaised } from '../protocol/chord-error.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import { formatIso } from '../protocol/iso8601.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { signatureTaskId, wireOptions, withOptions } from '../protocol/signature-options.js'
import { isFinal } from '../protocol/states.js'
import { currentTask } from './current-task.js'
import type { AnyResult } from './result.js'

/*
 * `celery.chord_unlock`: where a backend does not count the parts of chords (Celery's SQL tables among them), whoever sends a
 * chord sends this task along. It looks for the results of the header again and again, and starts the body when all are there.
 * Source: celery/app/builtins.py add_unlock_chord_task.
 */

export interface UnlockWorld {
  readonly runtime: Runtime
  readonly chordRetryInterval: Ms
  readonly chordTimeout: Ms
  readonly resultExpires: Ms | undefined
  resultBackend(): Promise<ResultBackend>
  applyCanvas(signature: Signature): Promise<AnyResult>
}

export interface LockedChord {
  readonly id: string
  readonly body: Signature
  /** Seconds between two looks; anything else: the setting. */
  readonly interval: unknown
  readonly members: readonly ResultTuple[]
}

/** Starts or fails the body, or throws the retry that looks again. Waits no longer than `chordTimeout` (H54). */
export async function unlockChord(world: UnlockWorld, chord: LockedChord): Promise<void> {
  const backend = await world.resultBackend()
  const ids = [...new Set(chord.members.flatMap(leavesOf))]
  const metas = await Promise.all(ids.map(id => backend.fetch(id)))
  const open = metas.filter(meta => meta === undefined || !isFinal(meta.status)).length
  if (open === 0) return await start(world, chord, new Map(ids.map((id, at) => [id, metas[at]])))
  const { interval } = chord
  const countdown = typeof interval === 'number' && interval > 0 ? interval * 1000 : world.chordRetryInterval
  const { retries } = currentTask()
  if (retries * countdown > world.chordTimeout) {
    return await fail(
      world,
      chord,
      `${open} of ${ids.length} parts have not ended within ${world.chordTimeout / 1000} s`,
    )
  }
  throw currentTask().retry({ countdown: countdown / 1000, maxRetries: null })
}

async function start(
  world: UnlockWorld,
  chord: LockedChord,
  metas: ReadonlyMap<TaskId, ResultMeta | undefined>,
): Promise<void> {
  const failed = [...metas.values()].find(meta => meta?.status !== 'SUCCESS')
  if (failed !== undefined) {
    return await fail(world, chord, dependencyRaised(failed))
  }
  const header = { id: chord.id as GroupId, parent: undefined, members: chord.members }
  const parts = await new ChordTree(header, async ids => ids.map(id => metas.get(id))).parts()
  await world.applyCanvas(withArguments(named(chord), [parts.map(({ result }) => result)]))
}

/** Whoever waits for the body is told, and its errbacks are called. */
async function fail(world: UnlockWorld, chord: LockedChord, why: string): Promise<void> {
  const backend = await world.resultBackend()
  const body = named(chord)
  for (const end of everyoneIn(body)) {
    const taskId = signatureTaskId(end)
    if (taskId === undefined) continue
    const meta: ResultMeta = {
      taskId,
      status: 'FAILURE',
      result: undefined,
      error: chordError(why),
      traceback: undefined,
      children: undefined,
      dateDone: formatIso(world.runtime.clock.now()),
    }
    await backend.store(meta, { ttl: world.resultExpires, fence: undefined })
  }
  for (const { id, errback } of errbacksOf(body)) await world.applyCanvas(withArguments(errback, [id]))
}

/** A body without an id gets one that everybody derives alike, so that a second look starts nothing twice. */
function named({ id, body }: LockedChord): Signature {
  if (signatureTaskId(body) !== undefined) return body
  return withOptions(body, wireOptions({ taskId: uuid5(LOVAGE_NAMESPACE, `${id}:chord-body:0`) as TaskId }))
}
