import { isDict } from '../protocol/dict.js'
import { nameProblem, type TaskId } from '../protocol/ids.js'

/** What one entry of a revocation log says. */
export type RevocationEntry =
  | { readonly kind: 'id'; readonly id: TaskId }
  /** Every task whose workflow began with this one. */
  | { readonly kind: 'root'; readonly id: TaskId }
  | { readonly kind: 'stamp'; readonly header: string; readonly value: string | number | boolean }

/** Texts of which two are equal when they mean the same. */
export function revocationEntry(entry: RevocationEntry): string {
  switch (entry.kind) {
    case 'id':
      return JSON.stringify({ id: entry.id })
    case 'root':
      return JSON.stringify({ root: entry.id })
    case 'stamp':
      return JSON.stringify({ stamp: entry.header, value: entry.value })
    default:
      return entry satisfies never
  }
}

/** Undefined: it is none of ours, or of a later version. Never throws. */
export function readRevocationEntry(text: string): RevocationEntry | undefined {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isDict(read)) return undefined
  const { id, root, stamp, value } = read
  // nameProblem has seen that they are text.
  if (nameProblem(id) === undefined) return { kind: 'id', id: id as TaskId }
  if (nameProblem(root) === undefined) return { kind: 'root', id: root as TaskId }
  if (nameProblem(stamp) !== undefined) return undefined
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined
  return { kind: 'stamp', header: stamp as string, value }
}
