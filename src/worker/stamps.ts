import type { TaskRequest } from '../protocol/request.js'

/** Stamps by the name of the stamped header. */
export type Stamps = ReadonlyMap<string, readonly StampValue[]>

export type StampValue = string | number | boolean

/** The stamps of a task that are among these: each name with each value. A stamp is one value or a list of them. */
export function matchingStamps(
  { stamps: own }: Pick<TaskRequest, 'stamps'>,
  stamps: Stamps,
): readonly (readonly [header: string, value: StampValue])[] {
  const found: (readonly [string, StampValue])[] = []
  for (const [header, values] of stamps) {
    if (!Object.hasOwn(own, header)) continue
    for (const value of values) if (isStamped(own[header], value)) found.push([header, value])
  }
  return found
}

export function isStamped(present: unknown, value: StampValue): boolean {
  return present === value || (Array.isArray(present) && present.includes(value))
}
