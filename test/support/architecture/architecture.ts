import { exportViolations } from './export-rules.js'
import { globalViolations } from './global-rules.js'
import { cycleViolations, importViolations } from './import-rules.js'
import { fileNameViolations, snakeCaseViolations } from './name-rules.js'
import type { SourceFile } from './source-file.js'
import { stateViolations } from './state-rules.js'
import type { Exception } from './tables.js'
import type { Violation } from './violation.js'

/** Every rule over every file, without looking at exceptions. */
export function findViolations(files: readonly SourceFile[]): Violation[] {
  const perFile = files.flatMap(file => [
    ...importViolations(file),
    ...exportViolations(file),
    ...globalViolations(file),
    ...stateViolations(file),
    ...snakeCaseViolations(file),
    ...fileNameViolations(file),
  ])
  return [...perFile, ...cycleViolations(files)]
}

export interface Judgement {
  readonly violations: readonly Violation[]
  /** Exceptions that excuse nothing. */
  readonly unused: readonly Exception[]
}

export function applyExceptions(found: readonly Violation[], exceptions: readonly Exception[]): Judgement {
  const excuses = (exception: Exception, violation: Violation): boolean =>
    exception.rule === violation.rule &&
    violation.path.startsWith(exception.where) &&
    (exception.what === undefined || exception.what === violation.what)
  return {
    violations: found.filter(violation => !exceptions.some(exception => excuses(exception, violation))),
    unused: exceptions.filter(exception => !found.some(violation => excuses(exception, violation))),
  }
}
