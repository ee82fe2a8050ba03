import type { RequestInfo } from './inspect-replies.js'

/** When a request began by its worker's answer, epoch ms; undefined = not begun. */
export function requestStart({ time_start: start }: RequestInfo): number | undefined {
  return typeof start === 'number' ? start * 1000 : undefined
}
