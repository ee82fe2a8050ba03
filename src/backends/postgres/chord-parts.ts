import { numbersParam, textsParam } from '../../drivers/postgres/arrays.js'
import type { Row } from '../../drivers/postgres/connection.js'
import type { Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import { Blobs } from './blobs.js'

export interface Part {
  readonly chord: GroupId
  readonly index: number | undefined
  readonly taskId: TaskId
  readonly meta: Uint8Array
  readonly ttl: Ms | undefined
}

export type PartArrival =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'complete'; readonly parts: readonly Uint8Array[] }
  | { readonly kind: 'closed' }

/** By chord, in order. */
export function byChord(parts: readonly Part[]): ReadonlyMap<GroupId, readonly Part[]> {
  const chords = new Map<GroupId, Part[]>()
  for (const part of parts) {
    const together = chords.get(part.chord)
    if (together === undefined) chords.set(part.chord, [part])
    else together.push(part)
  }
  return chords
}

/** Parameters of add-parts.sql. A part that comes twice goes along once, as what it said last. */
export function partParams(chord: GroupId, parts: readonly Part[]): readonly unknown[] {
  const last = new Map(parts.map(part => [`${part.index} ${part.taskId}`, part]))
  const distinct = [...last.values()]
  const blobs = new Blobs()
  const places = distinct.map(part => blobs.add(part.meta))
  return [
    chord,
    numbersParam(distinct.map(part => part.index ?? null)),
    textsParam(distinct.map(part => part.taskId)),
    numbersParam(places.map(place => place.at)),
    numbersParam(places.map(place => place.size)),
    blobs.bytes(),
    parts.at(-1)?.ttl ?? null,
  ]
}

/**
 * What each of the parts hears, as if they had come one after another: `fresh` are the keys of those that were new, `rows`
 * those of chord.sql after the last.
 */
export function arrivals(parts: readonly Part[], fresh: readonly Row[], rows: readonly Row[]): readonly PartArrival[] {
  const [closed, arrived, size] = rows[0] ?? []
  if (closed === true) return parts.map(() => ({ kind: 'closed' }))
  if (typeof size !== 'number') return parts.map(() => ({ kind: 'waiting' }))
  const left = new Set(fresh.map(row => row[0]))
  const metas = rows.flatMap(row => (row[3] instanceof Uint8Array ? [row[3]] : []))
  let count = Number(arrived) - left.size
  return parts.map((part): PartArrival => {
    if (keysOf(part).some(key => left.delete(key))) count++
    return count >= size ? { kind: 'complete', parts: metas } : { kind: 'waiting' }
  })
}

/** As the column `part` may have it: that of a part that was added is its task, whatever its index. */
function keysOf({ index, taskId }: Part): readonly string[] {
  return index === undefined ? [`t${taskId}`] : [`t${taskId}`, `i${index}`]
}
