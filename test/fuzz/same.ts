import { isDeepStrictEqual } from 'node:util'
import { Broken } from './target.js'

/** Throws `Broken` unless both are the same, to the last −0 and prototype. */
export function mustBeSame(again: unknown, first: unknown, what: string): void {
  if (!isDeepStrictEqual(again, first))
    throw new Broken(`${what} gives something else: ${show(again)}, not ${show(first)}`)
}

/** The same where times may differ by what a double of seconds cannot tell. */
export function closeTo(again: number | undefined, first: number | undefined): number | undefined {
  const isClose = again !== undefined && first !== undefined && Math.abs(again - first) <= 0.002
  return isClose ? first : again
}

function show(value: unknown): string {
  const text =
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'undefined'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
