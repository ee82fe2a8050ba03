import type { TaskPolicy } from './task-options.js'

/**
 * The limit that one more retry would exceed: what this decision asks for, or the task's own. Undefined: there is another attempt,
 * as always with null. Source: celery/app/task.py Task.retry.
 */
export function exceededLimit(
  retries: number,
  asked: number | null | undefined,
  { maxRetries }: Pick<TaskPolicy, 'maxRetries'>,
): number | undefined {
  const limit = asked === undefined ? maxRetries : asked
  return limit !== null && retries + 1 > limit ? limit : undefined
}
