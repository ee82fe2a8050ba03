import type { Message } from './message.js'
import type { TaskRequest } from './request.js'

/** More retries than anybody asks for between two replacements; the largest number still fits 32 bits. */
const PER_REPLACEMENT = 65_536
const MOST = 32_767

/**
 * Orders all attempts under one task id: each task that takes the place of another one under its id begins to count its retries
 * anew, and comes after all attempts of that one (D45).
 */
export function attemptNumber({
  retries,
  replacedTaskNesting,
}: Pick<TaskRequest, 'retries' | 'replacedTaskNesting'>): number {
  return Math.min(replacedTaskNesting, MOST) * PER_REPLACEMENT + Math.min(retries, PER_REPLACEMENT - 1)
}

/** The same, of a message that nobody has decoded. */
export function attemptInHeaders(headers: Message['headers']): number {
  const retries = Number(headers['retries'] ?? 0)
  return attemptNumber({ retries, replacedTaskNesting: Number(headers['replaced_task_nesting'] ?? 0) })
}
