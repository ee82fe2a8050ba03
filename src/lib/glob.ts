/**
 * Shell patterns over a whole name, as Python's fnmatch: `*`, `?`, `[seq]`, `[!seq]`; case counts. Linear in
 * pattern × name, whatever the number of stars (greedy with one backtrack point; a hostile pattern cannot stall us).
 */
export function globMatches(pattern: string, name: string): boolean {
  let p = 0
  let n = 0
  let starAt = -1
  let resume = 0
  while (n < name.length) {
    const step = p < pattern.length && pattern[p] !== '*' ? matchOne(pattern, p, name[n] as string) : undefined
    if (step !== undefined) {
      p = step
      n++
    } else if (pattern[p] === '*') {
      starAt = p++
      resume = n
    } else if (starAt >= 0) {
      p = starAt + 1
      n = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** Position after the pattern element at `p` when it accepts `char`, else undefined. */
function matchOne(pattern: string, p: number, char: string): number | undefined {
  const head = pattern[p]
  if (head === '?') return p + 1
  if (head !== '[') return head === char ? p + 1 : undefined
  const negated = pattern[p + 1] === '!'
  const from = negated ? p + 2 : p + 1
  const end = pattern.indexOf(']', from + 1)
  if (end < 0) return char === '[' ? p + 1 : undefined
  let found = false
  for (let i = from; i < end; i++) {
    if (pattern[i + 1] === '-' && i + 2 < end) {
      if (char >= (pattern[i] as string) && char <= (pattern[i + 2] as string)) found = true
      i += 2
    } else if (pattern[i] === char) found = true
  }
  return found !== negated ? end + 1 : undefined
}
