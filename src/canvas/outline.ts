import type { TaskId } from '../protocol/ids.js'
import type { Signature } from '../protocol/signature.js'
import { signatureTaskId } from '../protocol/signature-options.js'
import { partOptions } from '../protocol/signature-place.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import { bodyOf, headerOf, kindOf, membersOf } from './members.js'

export interface OutlineRow {
  readonly id: TaskId
  readonly task: string
  /** What comes after something else stands one deeper than that. */
  readonly depth: number
}

/** The tasks of a workflow, each once, in the order in which they come. */
export function outline(steps: readonly WorkflowStep[]): readonly OutlineRow[] {
  const rows = new Map<TaskId, OutlineRow>()
  const add = (found: readonly OutlineRow[]): void => {
    for (const row of found) if (!rows.has(row.id)) rows.set(row.id, row)
  }
  for (const step of steps) if (step.kind === 'publish') add(rowsOf(step.signature, 0))
  for (const step of steps) if (step.kind === 'open-chord') add(rowsOf(step.body, 1))
  return [...rows.values()]
}

function rowsOf(signature: Signature, depth: number): readonly OutlineRow[] {
  const later = partOptions(signature.options).chain.toReversed()
  return [...ownRows(signature, depth), ...later.flatMap((next, n) => rowsOf(next, depth + n + 1))]
}

function ownRows(signature: Signature, depth: number): readonly OutlineRow[] {
  switch (kindOf(signature)) {
    case 'chain':
      return membersOf(signature).flatMap((member, n) => rowsOf(member, depth + n))
    case 'group':
      return membersOf(signature).flatMap(member => rowsOf(member, depth))
    case 'chord':
      return [...rowsOf(headerOf(signature), depth), ...rowsOf(bodyOf(signature), depth + 1)]
    default: {
      const id = signatureTaskId(signature)
      return id === undefined ? [] : [{ id, task: signature.task, depth }]
    }
  }
}
