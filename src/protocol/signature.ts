import type { TaskName } from './ids.js'

export type Kwargs = Readonly<Record<string, unknown>>

/**
 * What to call, with what, and how: frozen data, the value behind every canvas.
 *
 * On the wire it is `{task, args, kwargs, options, subtask_type, immutable}` (celery/canvas.py:Signature). `options`
 * keep their wire names (`task_id`, `link_error`, `countdown`, user-set ones …) and values untouched, so that what
 * Lovage passes on is equal to what it got; typed access goes through functions in `canvas/`.
 */
export interface Signature {
  readonly task: TaskName
  readonly args: readonly unknown[]
  readonly kwargs: Kwargs
  readonly options: Readonly<Record<string, unknown>>
  readonly subtaskType: 'chain' | 'group' | 'chord' | string | null
  readonly immutable: boolean
  /** Legacy top-level member of chord bodies written by old producers; read, never written. */
  readonly chordSize?: number
}
