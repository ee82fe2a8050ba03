import { isPlainObject } from './plain-object.js'

/** A decoded object, its members not yet looked at. */
export type Dict = Readonly<Record<string, unknown>>

/** Plain data only: a decoded datetime, bytes or any other value with a class is none. */
export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && isPlainObject(value)
}

/** On the wire a missing member and null mean the same. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

/** Sets an own member whatever its name: plain assignment of `__proto__` would change the prototype (M14). */
export function setMember(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
  else target[name] = value
}
