import type { Entry } from './entry.js'
import { EntryError } from './errors.js'

/** An entry as it is stored; `readEntry` reads it. Throws `EntryError` for what JSON cannot carry. */
export function printEntry(entry: Entry): string {
  const { name, jitter, deadline, ...rest } = entry
  const lost = losses({ args: entry.args, kwargs: entry.kwargs, options: entry.options })
  if (lost !== undefined) throw new EntryError(name, lost, 'is nothing that JSON can carry, so it cannot be stored')
  return JSON.stringify({
    ...rest,
    jitter: `${jitter}ms`,
    ...(deadline === undefined ? {} : { deadline: `${deadline}ms` }),
  })
}

/** The first member that would come back as something else. */
function losses(value: unknown, path = ''): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : path
    case 'object': {
      if (value === null) return undefined
      const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
      if (!plain) return path
      for (const [key, member] of Object.entries(value)) {
        if (member === undefined && !Array.isArray(value)) continue
        const lost = losses(member, path === '' ? key : `${path}.${key}`)
        if (lost !== undefined) return lost
      }
      return undefined
    }
    default:
      return path
  }
}
