import type { Outcome } from '../pools/pool.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { pythonRepr } from '../protocol/python-repr.js'
import type { ExceptionInfo } from '../protocol/result-meta.js'

const REPR_LENGTH = 1024

/**
 * What is told instead of an outcome that cannot leave its child (H48): an error keeps its class, its arguments become text;
 * a value that nobody keeps becomes text as well; anything else is a failure with `problem`.
 */
export function reducedOutcome(outcome: Outcome, problem: unknown, ignored: boolean): Outcome {
  const { children, runtime } = outcome
  if (outcome.kind === 'failed') return { ...outcome, error: reduced(outcome.error) }
  if (outcome.kind === 'succeeded' && ignored) return { ...outcome, value: shown(outcome.value) }
  return { kind: 'failed', ...exceptionInfoOf(problem), children, runtime }
}

function reduced(error: ExceptionInfo): ExceptionInfo {
  return { ...error, args: error.args.map(shown) }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return pythonRepr(value, REPR_LENGTH)
  } catch {
    return '<unprintable>'
  }
}
