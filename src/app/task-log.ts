import type { Clock, LogLevel } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { type TaskId, taskId } from '../protocol/ids.js'
import type { State } from '../protocol/result-meta.js'

/** A line that a task has written with `currentTask().log`. */
export interface TaskLogLine {
  readonly at: EpochMs
  readonly level: LogLevel
  readonly message: string
}

/** The state under which lines are stored; never that of a task. */
export const TASK_LOG_STATE: State = 'LOVAGE-LOG'

/** Characters of one line that are kept. */
const LONGEST_LINE = 1024

/** Between two writes. */
const EVERY: Ms = 1000

/** Where the lines of a task are kept: a record beside its own, under a name that no client gives to a task. */
export function taskLogId(id: TaskId): TaskId | undefined {
  // An id of 255 bytes leaves no room for its lines.
  return Buffer.byteLength(id) > 251 ? undefined : taskId(`${id}.log`)
}

export interface TaskLogParts {
  readonly clock: Clock
  /** The last so many lines are kept. */
  readonly keep: number
  /** What goes wrong here is no matter of the task's. */
  store(lines: readonly TaskLogLine[]): Promise<void>
}

/** The last lines of a running task, on their way to the store: at most one write a second, and one at its end. */
export class TaskLog {
  readonly #parts: TaskLogParts
  #lines: TaskLogLine[] = []
  #timer: Disposable | undefined
  #writing: Promise<void> = Promise.resolve()
  #isNew = false

  constructor(parts: TaskLogParts) {
    this.#parts = parts
  }

  add(level: LogLevel, message: string): void {
    const { clock, keep } = this.#parts
    this.#lines.push({ at: clock.now(), level, message: message.slice(0, LONGEST_LINE) })
    if (this.#lines.length > keep) this.#lines = this.#lines.slice(-keep)
    this.#isNew = true
    this.#timer ??= clock.timer(EVERY, () => {
      this.#timer = undefined
      this.#write()
    })
  }

  /** The task has ended. Resolves when its last lines are stored, or could not be. */
  async end(): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    this.#write()
    await this.#writing
  }

  #write(): void {
    if (!this.#isNew) return
    this.#isNew = false
    const lines = this.#lines
    this.#writing = this.#writing.then(() => this.#parts.store(lines)).catch(() => undefined)
  }
}

/** What a record of lines holds. Foreign data is left out. */
export function readTaskLog(stored: unknown): readonly TaskLogLine[] {
  if (!Array.isArray(stored)) return []
  return stored.filter(isLine)
}

function isLine(value: unknown): value is TaskLogLine {
  if (typeof value !== 'object' || value === null) return false
  const { at, level, message } = value as Readonly<Record<string, unknown>>
  return typeof at === 'number' && typeof level === 'string' && typeof message === 'string'
}
