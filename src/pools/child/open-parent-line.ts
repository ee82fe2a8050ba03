import { isMainThread, parentPort } from 'node:worker_threads'
import type { ParentLine } from './parent-line.js'
import { ProcessLine } from './process-line.js'
import { ThreadLine } from './thread-line.js'

/** The line of the child that this is: a thread of the pool `threads`, or a process of the pool `prefork`. */
export function openParentLine(): ParentLine {
  return isMainThread || parentPort === null ? new ProcessLine() : new ThreadLine(parentPort)
}
