import type { RuleName } from './tables.js'

export interface Violation {
  readonly rule: RuleName
  readonly path: string
  readonly line: number
  /** What was found: a name, a module, an import. Exceptions match on it. */
  readonly what: string
  /** A sentence: what is wrong and what to do instead. */
  readonly message: string
}

export function printViolation(violation: Violation): string {
  return `${violation.path}:${violation.line} [${violation.rule}] ${violation.message}`
}
