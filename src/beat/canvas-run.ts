import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import type { TaskId } from '../protocol/ids.js'
import type { ResultTuple, State } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import type { RunEnd } from './beat-parts.js'
import type { Entry } from './entry.js'

/*
 * Entries that send more than one task. In Celery's form, the only one there is, an entry has a task, arguments and options; a canvas
 * is the task `celery.chain`, `celery.group` or `celery.chord` with its parts in `kwargs`, as on the wire.
 */

const KINDS: ReadonlyMap<string, string> = new Map([
  ['celery.chain', 'chain'],
  ['celery.group', 'group'],
  ['celery.chord', 'chord'],
])

/** The canvas that an entry sends; undefined: a task. */
export function canvasOf({ task, args, kwargs }: Pick<Entry, 'task' | 'args' | 'kwargs'>): Signature | undefined {
  const subtaskType = KINDS.get(task)
  if (subtaskType === undefined) return undefined
  // These three names are known to be names.
  return { task: task as Signature['task'], args, kwargs, options: {}, subtaskType, immutable: false }
}

/** By what a run of a canvas is remembered: its ids can be told again only from what was sent. */
export function canvasRun(entry: Entry, id: string): string {
  return `${id}/${shapeOf(entry)}`
}

/** The id of such a run; undefined: the entry has another canvas by now. */
export function idOfCanvasRun(entry: Entry, run: string): string | undefined {
  const at = run.lastIndexOf('/')
  return run.slice(at + 1) === shapeOf(entry) ? run.slice(0, Math.max(0, at)) : undefined
}

function shapeOf({ task, args, kwargs, options }: Entry): string {
  return uuid5(LOVAGE_NAMESPACE, JSON.stringify([task, args, kwargs, options])).slice(0, 8)
}

/** Every task that a result tells of: those that it waits for, and those before them. */
export function tasksOf(result: ResultTuple): readonly TaskId[] {
  const before = result.parent === undefined ? [] : tasksOf(result.parent)
  return [...before, ...lastTasksOf(result, tasksOf)]
}

/** How a canvas ended whose tasks stand so: when one has failed the rest does not come. */
export function canvasEnd(result: ResultTuple, states: ReadonlyMap<TaskId, State>): RunEnd {
  const all = tasksOf(result).map(id => states.get(id))
  if (all.includes('FAILURE')) return 'failed'
  if (all.includes('REVOKED')) return 'good'
  return lastTasksOf(result, lastTasks).every(id => states.get(id) === 'SUCCESS') ? 'good' : 'open'
}

function lastTasks(result: ResultTuple): readonly TaskId[] {
  return lastTasksOf(result, lastTasks)
}

function lastTasksOf(
  { id, members }: ResultTuple,
  within: (member: ResultTuple) => readonly TaskId[],
): readonly TaskId[] {
  // A tuple without members is a task's.
  return members === undefined ? [id as TaskId] : members.flatMap(within)
}
