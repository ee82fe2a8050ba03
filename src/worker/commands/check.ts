import { CommandError } from '../../control/command-error.js'
import type { Ms } from '../../lib/time.js'
import { nameProblem, type TaskId } from '../../protocol/ids.js'

/*
 * Arguments of commands as they came from outside (S75): each is of its type and within its bound, or `CommandError`.
 */

/** Most ids or stamps in one command. */
export const MAX_IDS = 10_000

/** Ten years (L08). */
const LONGEST_LIMIT: Ms = 10 * 366 * 86_400_000

export function name(value: unknown, argument: string): string {
  const problem = nameProblem(value)
  if (problem !== undefined) throw new CommandError('TypeError', `${argument} ${problem}`)
  // nameProblem has seen that it is text.
  return value as string
}

export function optionalName(value: unknown, argument: string): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : name(value, argument)
}

/** One id or a list of them; null and none are no ids, as in Python. */
export function ids(value: unknown, argument: string): readonly TaskId[] {
  if (value === undefined || value === null) return []
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > MAX_IDS) throw tooMany(argument, list.length)
  const unique = new Set<string>()
  for (const id of list) unique.add(name(id, argument))
  // Each is a name that fits on the wire, which is all that an id has to be.
  return [...unique] as readonly string[] as readonly TaskId[]
}

export function tooMany(argument: string, count: number): CommandError {
  return new CommandError('ValueError', `${argument} holds ${count} values; at most ${MAX_IDS} are taken`)
}

/** Python's truth of what came: `"false"` counts as true there, too. */
export function flag(value: unknown): boolean {
  return Boolean(value)
}

/** A whole number within bounds; `fallback` where it is missing or null. */
export function count(value: unknown, argument: string, bounds: Bounds, fallback: number): number
export function count(value: unknown, argument: string, bounds: Bounds, fallback?: undefined): number | undefined
export function count(value: unknown, argument: string, { min, max }: Bounds, fallback?: number): number | undefined {
  if (value === undefined || value === null) return fallback
  if (!Number.isInteger(value)) throw new CommandError('TypeError', `${argument} must be a whole number`)
  const number = value as number
  if (number >= min && number <= max) return number
  throw new CommandError('ValueError', `${argument} must be from ${min} to ${max}; it is ${number}`)
}

export interface Bounds {
  readonly min: number
  readonly max: number
}

/** Seconds, as ms; undefined = none given, null included. 0 means no limit, as everywhere. */
export function limit(value: unknown, argument: string): Ms | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number') throw new CommandError('TypeError', `${argument} must be a number of seconds`)
  const ms = Math.round(value * 1e6) / 1e3
  if (value >= 0 && ms <= LONGEST_LIMIT) return ms === 0 ? undefined : ms
  throw new CommandError('ValueError', `${argument} must be from 0 to ${LONGEST_LIMIT / 1000} seconds; it is ${value}`)
}
