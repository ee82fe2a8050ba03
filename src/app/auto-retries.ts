import type { TaskOptions } from './task-options.js'

/** An error that leads to another attempt, as the task's options have it. Source: celery/app/autoretry.py. */
export function autoRetries(error: unknown, { autoretryFor, dontAutoretryFor }: TaskOptions): boolean {
  if (dontAutoretryFor?.some(known => error instanceof known)) return false
  return autoretryFor?.some(known => error instanceof known) ?? false
}
