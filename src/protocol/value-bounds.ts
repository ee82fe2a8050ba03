import { ProtocolError } from './errors.js'
import type { Limits } from './limits.js'
import { Tuple } from './values.js'

/**
 * Checks a value that somebody else's reader has built: its depth, and its number of values as whoever walks over them
 * will meet them, shared parts each time (L04). Throws `ProtocolError`.
 */
export function checkValueBounds(value: unknown, limits: Limits): void {
  check(value, 0, { values: limits.values }, limits)
}

function check(value: unknown, depth: number, left: { values: number }, limits: Limits): void {
  if (--left.values < 0) throw new ProtocolError('too-large', `the body holds more than ${limits.values} values`)
  const items = itemsOf(value)
  if (items === undefined) return
  if (depth >= limits.depth) {
    throw new ProtocolError('malformed', `the body is nested deeper than ${limits.depth} levels, or contains itself`)
  }
  for (const item of items) check(item, depth + 1, left, limits)
}

function itemsOf(value: unknown): readonly unknown[] | ReadonlySet<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return value
  if (value instanceof Tuple) return value.items
  if (value instanceof Set) return value
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : undefined
}
