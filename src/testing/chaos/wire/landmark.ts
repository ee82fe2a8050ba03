import type { Direction, WireUnit } from './wire-unit.js'

/** A place in what two peers say to each other. */
export interface Landmark {
  readonly direction: Direction
  /** The unit's name; see `WireUnit`. */
  readonly name: string | RegExp
  /** A part of the unit's text. */
  readonly text?: string | RegExp
  /** Which one of those from now on, over all connections; default 1. */
  readonly nth?: number
  /** `before`: the unit does not pass any more. `after`: it has passed. */
  readonly side: 'before' | 'after'
}

export function fitsLandmark(landmark: Landmark, unit: WireUnit): boolean {
  const { direction, name, text = '' } = landmark
  if (direction !== unit.direction) return false
  const named = typeof name === 'string' ? name === unit.name : name.test(unit.name)
  return named && (typeof text === 'string' ? unit.text.includes(text) : text.test(unit.text))
}
