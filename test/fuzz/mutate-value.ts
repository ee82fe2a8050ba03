import { HOSTILE_NAMES, hostileValue, nested } from './hostile.js'
import type { FuzzRandom } from './random.js'

export interface ValueMutation {
  readonly random: FuzzRandom
  /** Values whose parts may be put in place of others. */
  readonly donors: readonly unknown[]
  /** Dates and bytes may appear, as in typed headers. */
  readonly typed: boolean
}

/** A copy that differs in 1 to 5 places, most often in one or two. The original stays as it is. */
export function mutateValue(value: unknown, how: ValueMutation): unknown {
  let mutated = value
  for (let left = how.random.few(5); left > 0; left--) mutated = changed(mutated, how)
  return mutated
}

/** Walks to a random place and changes it there. */
function changed(value: unknown, how: ValueMutation): unknown {
  const { random } = how
  if (!isContainer(value) || random.once(5)) return replaced(value, how)
  if (Array.isArray(value)) return changedArray(value, how)
  return changedObject(value as Readonly<Record<string, unknown>>, how)
}

function changedArray(array: readonly unknown[], how: ValueMutation): unknown {
  const { random } = how
  const copy = [...array]
  const at = random.below(copy.length + 1)
  switch (random.below(6)) {
    case 0:
      copy.splice(at, 1)
      return copy
    case 1:
      copy.splice(at, 0, hostileValue(random, how.typed))
      return copy
    case 2:
      if (copy.length < 200) copy.splice(at, 0, ...copy)
      return copy
    default:
      if (at < copy.length) copy[at] = changed(copy[at], how)
      else copy.push(part(random.pick(how.donors), random))
      return copy
  }
}

function changedObject(object: Readonly<Record<string, unknown>>, how: ValueMutation): unknown {
  const { random } = how
  const entries = Object.entries(object)
  const at = random.below(entries.length + 1)
  const [name, member] = entries[at] ?? [random.pick(HOSTILE_NAMES), hostileValue(random, how.typed)]
  switch (random.below(8)) {
    case 0:
      entries.splice(at, 1)
      break
    case 1:
      entries.splice(at, 1, [random.pick(HOSTILE_NAMES), member])
      break
    case 2:
      entries.push([random.pick(HOSTILE_NAMES), hostileValue(random, how.typed)])
      break
    default:
      entries.splice(at, 1, [name, changed(member, how)])
  }
  return Object.fromEntries(entries)
}

function replaced(value: unknown, how: ValueMutation): unknown {
  const { random } = how
  switch (random.below(8)) {
    case 0:
      return part(random.pick(how.donors), random)
    case 1:
      return random.once(4) ? nested(random.pick([1, 3, 100, 520]), value, random) : [value]
    case 2:
      return typeof value === 'string' ? near(value, random) : String(typeof value === 'object' ? 'object' : value)
    case 3:
      return typeof value === 'number' ? value + random.pick([1, -1, 0.5, 1e9, -1e9]) : hostileValue(random, how.typed)
    default:
      return hostileValue(random, how.typed)
  }
}

function near(text: string, random: FuzzRandom): string {
  const at = random.below(text.length + 1)
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + random.pick(['\u0000', '0', '-', '.', '\ud800', ' ', 'ž', '*']) + text.slice(at)
    case 2:
      return text.slice(0, at) + text.slice(at + 1)
    default:
      return text + text
  }
}

/** Some part of a value. */
function part(value: unknown, random: FuzzRandom): unknown {
  let found = value
  while (isContainer(found) && !random.once(3)) {
    const members = Object.values(found)
    if (members.length === 0) break
    found = random.pick(members)
  }
  return found ?? null
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(value instanceof Date)
}
