import { createLog } from './log.js'
import type { Log, LogFields, LogLevel } from './runtime.js'

export interface MemoryLogLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

/** A log that keeps its lines, oldest first, for tests to read. Not bounded. */
export interface MemoryLog {
  readonly log: Log
  readonly lines: readonly MemoryLogLine[]
}

/** `level`: the lowest that is kept, default `debug`. */
export function memoryLog(level: LogLevel = 'debug'): MemoryLog {
  const lines: MemoryLogLine[] = []
  return { log: createLog({ write: (level, message, fields) => lines.push({ level, message, fields }) }, level), lines }
}
