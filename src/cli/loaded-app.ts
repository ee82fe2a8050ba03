import type { App } from '../index.js'

/** The app a command works with, and where it was found. */
export interface LoadedApp {
  readonly app: App
  /** The module; undefined for the bare app that a broker URL alone is enough for. */
  readonly file: string | undefined
  /** The export it was found under. */
  readonly exportName: string | undefined
  /** The configuration file that was read. */
  readonly configFile: string | undefined
}
