import type { EpochMs } from '../lib/time.js'
import type { ChordEnd } from './chord-memo.js'
import { type Dict, isDict } from './dict.js'
import { ResultDecodeError } from './errors.js'
import { type GroupId, nameProblem, type TaskId } from './ids.js'
import type { Limits } from './limits.js'
import type { ResultTuple } from './result-meta.js'
import { resultTupleFromWire, resultTupleToWire } from './result-tuple.js'
import type { Signature } from './signature.js'
import { signatureFromDict, signatureToDict } from './signature-dict.js'

/** What is done when a canvas is sent, in order. */
export type WorkflowStep =
  /** A task: arguments merged, all ids fixed. */
  | { readonly kind: 'publish'; readonly signature: Signature }
  /** Before the header of a chord is published: `parts` arrivals complete it. `header`: its results, groups within. */
  | {
      readonly kind: 'open-chord'
      readonly chord: GroupId
      readonly parts: number
      readonly body: Signature
      readonly header: readonly ResultTuple[]
      /** The tasks that arrive. */
      readonly ends: readonly ChordEnd[]
    }

/** A canvas that was sent, with everything that it takes to send parts of it again. Ours alone. */
export interface WorkflowRecord {
  readonly rootId: TaskId
  readonly sentAt: EpochMs
  readonly cancelledAt: EpochMs | undefined
  /** The workflow that goes on with it. */
  readonly resumedAs: TaskId | undefined
  /** What it ends with. */
  readonly ends: readonly TaskId[]
  readonly steps: readonly WorkflowStep[]
}

/** Throws `EncodeError`. */
export function workflowToDict(record: WorkflowRecord, limits: Limits): Dict {
  const { rootId, sentAt, cancelledAt, resumedAs, ends, steps } = record
  return {
    root: rootId,
    sent: sentAt,
    cancelled: cancelledAt ?? null,
    resumed: resumedAs ?? null,
    ends,
    steps: steps.map(step => stepToDict(step, limits)),
  }
}

/** Throws `ResultDecodeError`, `ProtocolError`. */
export function workflowFromDict(value: unknown, limits: Limits): WorkflowRecord {
  if (!isDict(value) || !Array.isArray(value['steps'])) throw new ResultDecodeError('it is no record of a workflow')
  const { root, sent, cancelled, resumed, ends, steps } = value
  return {
    rootId: idOf(root),
    sentAt: Number(sent),
    cancelledAt: typeof cancelled === 'number' ? cancelled : undefined,
    resumedAs: nameProblem(resumed) === undefined ? idOf(resumed) : undefined,
    ends: listOf(ends).map(idOf),
    steps: listOf(steps).map(step => stepFromDict(step, limits)),
  }
}

function stepToDict(step: WorkflowStep, limits: Limits): Dict {
  if (step.kind === 'publish') return { task: signatureToDict(step.signature, limits) }
  const { chord, parts, body, header, ends } = step
  return {
    chord,
    parts,
    body: signatureToDict(body, limits),
    header: header.map(resultTupleToWire),
    ends: ends.map(({ id, index }) => [id, index ?? null]),
  }
}

function stepFromDict(value: unknown, limits: Limits): WorkflowStep {
  if (!isDict(value)) throw new ResultDecodeError('a step of a workflow is not an object')
  const { task, chord, parts, body, header, ends } = value
  if (task !== undefined) return { kind: 'publish', signature: signatureFromDict(task, limits) }
  return {
    kind: 'open-chord',
    // The id of a group has the form of a task's.
    chord: idOf(chord) as string as GroupId,
    parts: Number(parts),
    body: signatureFromDict(body, limits),
    header: listOf(header).map(resultTupleFromWire),
    ends: listOf(ends).map(end => {
      const [id, index] = listOf(end)
      return { id: idOf(id), index: typeof index === 'number' ? index : undefined }
    }),
  }
}

function idOf(value: unknown): TaskId {
  const problem = nameProblem(value)
  if (problem !== undefined) throw new ResultDecodeError(`an id in a workflow ${problem}`)
  // nameProblem has seen that it is text.
  return value as TaskId
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new ResultDecodeError('a list is missing in a workflow')
}
