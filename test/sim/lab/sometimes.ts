/** Situations that every thousand seeds must come into at least once (§13.9); a batch that misses one has gone blind. */
export const SOMETIMES: readonly string[] = Object.freeze([])

export const PER: number = 1000
