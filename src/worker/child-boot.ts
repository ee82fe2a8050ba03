import type { LogLevel } from '../lib/runtime.js'
import type { AppSource } from './app-source.js'

/** What a child of a worker's pool is told first. Structured clone. */
export interface ChildBoot {
  readonly app: AppSource
  /** Lowest level that the worker's log writes; undefined: none is written. */
  readonly logLevel: LogLevel | undefined
  /** It tells its memory after each call: somebody limits it. */
  readonly tellsMemory: boolean
}
