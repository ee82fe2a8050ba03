import { GLOBAL_OPTIONS } from './global-options.js'

/** `-A`, `--app`, … → whether a value follows. */
const OPTIONS: ReadonlyMap<string, boolean> = new Map(
  Object.values(GLOBAL_OPTIONS).flatMap(({ flags }) =>
    flags
      .split(/,?\s+/)
      .filter(word => word.startsWith('-'))
      .map(word => [word, flags.includes('<')] as const),
  ),
)

/** The first word of a command line that is neither a global option nor the value of one; undefined when that is not plain to see. */
export function commandWord(words: readonly string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (!word.startsWith('-')) return word
    const hasValue = OPTIONS.get(word)
    if (hasValue === undefined) return undefined
    if (hasValue) at++
  }
  return undefined
}
