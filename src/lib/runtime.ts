import type { EpochMs, Ms, SteadyMs } from './time.js'

/**
 * Everything that could differ from run to run. Each part of Lovage that needs time, chance, or a voice is given a
 * `Runtime`; give simulated ones to a whole cluster and it runs in virtual time, repeatably (`lovage/testing`).
 */
export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly host: Host
}

export interface Clock {
  /** Wall time, for stamps that leave the process. It may step. */
  now(): EpochMs
  /** Never goes back. For measuring and waiting. */
  steady(): SteadyMs
  /** Resolves after `ms`; rejects with `signal.reason` when the signal fires first. */
  sleep(ms: Ms, signal?: AbortSignal): Promise<void>
  /** Calls `ring` once after `ms`, unless disposed before. Keeps the process alive while pending. */
  timer(ms: Ms, ring: () => void): Disposable
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** `n` bytes; unpredictable in the real runtime, from the seed in a simulated one. */
  bytes(n: number): Uint8Array
}

export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical'

export type LogFields = Readonly<Record<string, unknown>>

/** Levels are Celery's. `fields` appear in JSON logs beside the message; the text format prints the message alone. */
export interface Log {
  /** True when a line of this level would be written: ask before building an expensive message. */
  enabled(level: LogLevel): boolean
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  critical(message: string, fields?: LogFields): void
  /** The same log with fields added to every line. `task_id` and `task_name` also appear in the text format. */
  child(fields: LogFields): Log
}

/** Where this process runs. */
export interface Host {
  /** Full host name. */
  readonly name: string
  readonly pid: number
  readonly cpus: number
}
