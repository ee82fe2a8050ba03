import { Ignore, Reject, Replace, Retry } from './errors.js'
import type { TaskContext } from './task-context.js'

/** How a handler asked to end, other than with a value or an error. */
export type HandlerWish = Retry | Replace | Ignore | Reject

/**
 * What a handler asked for by what it threw, if it threw; otherwise earlier, by a retry or a replacement whose throw it swallowed (D53).
 * Of several of one kind the first counts. Undefined: nothing.
 */
export function handlerWish({ retryAsked, replaceAsked }: TaskContext, thrown?: unknown): HandlerWish | undefined {
  if (thrown instanceof Retry) return retryAsked ?? thrown
  if (thrown instanceof Replace) return replaceAsked ?? thrown
  if (thrown instanceof Ignore || thrown instanceof Reject) return thrown
  return retryAsked ?? replaceAsked
}
