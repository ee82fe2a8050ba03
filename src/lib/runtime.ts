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
  /** Name of the operating system's kernel, as `uname` prints it: `Linux`, `Darwin`. */
  readonly system: string
  /** Processes that ran or waited to run, on average over 1, 5 and 15 minutes. All 0 where the system does not tell. */
  loadAverage(): readonly [number, number, number]
  /** What runs here; absent where there is nothing real to tell of, as in a simulation. */
  readonly software?: Software
  /** What this process has used so far; absent likewise. */
  usage?(): ResourceUsage
  /** Tells, about once a second until disposed, how late the event loop of this process is. Absent where time is not real. */
  watchLoop?(looked: (look: LoopLook) => void): Disposable
}

/** What an event loop did between two looks. */
export interface LoopLook {
  readonly from: SteadyMs
  readonly to: SteadyMs
  /** How much later than intended the second look came. */
  readonly lag: Ms
}

export interface Software {
  /** Version of Lovage. */
  readonly lovage: string
  readonly node: string
  readonly release: string
  /** `x64`. */
  readonly architecture: string
}

/** Of this process, its threads included, its children not. */
export interface ResourceUsage {
  readonly userCpu: Ms
  readonly systemCpu: Ms
  /** Memory in RAM now, bytes. */
  readonly rss: number
  /** The most it ever was, KiB. */
  readonly maxRss: number
  readonly minorPageFaults: number
  readonly majorPageFaults: number
  readonly fsReads: number
  readonly fsWrites: number
  readonly voluntaryContextSwitches: number
  readonly involuntaryContextSwitches: number
}
