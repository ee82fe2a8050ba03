import type { Signature } from './signature.js'
import { asSignature } from './signature-place.js'

const NAMES = ['task_id', 'group_id'] as const
const NESTED_OPTIONS = ['chord', 'chain', 'link', 'link_error'] as const
const NESTED_KWARGS = ['tasks', 'header', 'body'] as const

/** The signature, and all that it carries, with other ids of tasks and groups. */
export function renameSignature(signature: Signature, names: ReadonlyMap<string, string>): Signature {
  const options: Record<string, unknown> = { ...signature.options }
  for (const name of NAMES) {
    const other = names.get(String(options[name]))
    if (other !== undefined) options[name] = other
  }
  for (const name of NESTED_OPTIONS) if (options[name] != null) options[name] = renamed(options[name], names)
  if (signature.subtaskType === null) return { ...signature, options }
  const kwargs: Record<string, unknown> = { ...signature.kwargs }
  for (const name of NESTED_KWARGS) if (kwargs[name] != null) kwargs[name] = renamed(kwargs[name], names)
  return { ...signature, options, kwargs }
}

/** One signature or a list of them. */
function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map(each => renameSignature(asSignature(each), names))
  return renameSignature(asSignature(value), names)
}
