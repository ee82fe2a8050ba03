import type { StrayErrorKind } from '../worker/stray-error.js'
import type { ExitCode, SignalName } from './exit-code.js'

/**
 * All that a command touches of the process it runs in. main.ts makes the real one; tests make one of strings and
 * fake signals, so that every command runs without being spawned.
 */
export interface Io {
  readonly stdout: TextSink
  readonly stderr: TextSink
  readonly stdin: TextSource
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Fires when the person gives up (Ctrl-C, TERM) on a command that listens to no signals itself; `reason` is an `Interrupted`. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** `v22.13.0`. */
  readonly nodeVersion: string
  /** Where relative paths start. */
  cwd(): string
  /** @throws when there is no such folder */
  changeFolder(path: string): void
  /** From now on signals go to `listener` and no longer fire `signal`, until disposed. */
  onSignal(listener: (signal: SignalName) => void): Disposable
  /** From now on errors that nobody caught go to `listener` instead of ending the process, until disposed. */
  onStrayError(listener: (error: unknown, how: StrayErrorKind) => void): Disposable
  /** The screen and keyboard that a person sits at; undefined where input or output is none. */
  terminal(): Terminal | undefined
  isProcessAlive(pid: number): boolean
  /** Ends the process now, whatever still runs. */
  exit(code: ExitCode): void
}

/** A screen to draw on and keys that are read one by one. */
export interface Terminal {
  readonly columns: number
  readonly rows: number
  write(text: string): void
  /** From now on keys are not echoed and come here as they are pressed, in the terminal's own sequences, until disposed. */
  onKeys(listener: (keys: string) => void): Disposable
  /** Until disposed. */
  onResize(listener: () => void): Disposable
}

export interface TextSink {
  write(text: string): void
}

export interface TextSource {
  /** The next line without its end; undefined at the end of input. */
  readLine(): Promise<string | undefined>
  /** Everything that is left, at most `limit` bytes; undefined when there is more. */
  readAll(limit: number): Promise<string | undefined>
}
