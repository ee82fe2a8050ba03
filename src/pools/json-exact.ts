import { isPlainObject } from '../protocol/plain-object.js'

/** Deeper than this, whatever it is, it is written in the other way. */
const DEPTH = 32

/**
 * Does JSON keep this value as it is? Members of objects that are undefined may go. Never throws: a value that cannot even be
 * looked at is not exact.
 */
export function isJsonExact(value: unknown): boolean {
  try {
    return exact(value, DEPTH)
  } catch {
    return false
  }
}

function exact(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      return value === null || (depth > 0 && (Array.isArray(value) ? list(value, depth) : record(value, depth)))
    default:
      return false
  }
}

function list(items: readonly unknown[], depth: number): boolean {
  for (let i = 0; i < items.length; i++) if (!exact(items[i], depth - 1)) return false
  return true
}

function record(value: object, depth: number): boolean {
  if (!isPlainObject(value) || 'toJSON' in value) return false
  const members = value as Readonly<Record<string, unknown>>
  for (const key in members) {
    const member = members[key]
    if (member !== undefined && !exact(member, depth - 1)) return false
  }
  return true
}
