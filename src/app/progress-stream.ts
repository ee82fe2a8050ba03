import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta, State } from '../protocol/result-meta.js'
import { isFinal } from '../protocol/states.js'
import { type RecordSource, watchRecords } from './watch-records.js'

/** What a task has come to. */
export interface ProgressStep {
  /** `PROGRESS`, `STARTED`, a state of the handler's choosing, or the one it ended in. */
  readonly state: State
  /** It is the last step. */
  readonly ended: boolean
  /** With state `PROGRESS`. */
  readonly current: number | undefined
  readonly total: number | undefined
  /** What the handler gave besides; the value of a success. */
  readonly info: unknown
}

/**
 * The steps of a task as they are stored, ending with its final state. Steps that follow each other closely may come as
 * one, the last.
 */
export async function* progressSteps(
  id: TaskId,
  source: RecordSource,
  signal: AbortSignal,
): AsyncGenerator<ProgressStep, void, undefined> {
  let before: string | undefined
  for await (const meta of watchRecords([id], source, signal)) {
    const step = stepOf(meta)
    const shown = JSON.stringify([step.state, step.current, step.total, step.info])
    // After a loss the present record comes again.
    if (shown === before) continue
    before = shown
    yield step
    if (step.ended) return
  }
}

function stepOf(meta: ResultMeta): ProgressStep {
  const ended = isFinal(meta.status)
  const { result } = meta
  const info = meta.error ?? result
  if (ended || !isCounted(result)) return { state: meta.status, ended, current: undefined, total: undefined, info }
  const { current, total, ...rest } = result
  return { state: meta.status, ended, current, total, info: rest }
}

function isCounted(value: unknown): value is Readonly<{ current: number; total: number }> {
  if (typeof value !== 'object' || value === null) return false
  const { current, total } = value as Readonly<Record<string, unknown>>
  return typeof current === 'number' && typeof total === 'number'
}
