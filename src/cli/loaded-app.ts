import { type App, nodeRuntime, type SettingsLayers } from '../index.js'
import { loadModule, type ModuleExports } from '../lib/node-load-module.js'
import { type NodeLog, type NodeLogOptions, openNodeLog } from '../lib/node-log.js'
import type { AppSource } from '../worker/app-source.js'
import { doors } from './doors.js'

export interface LoadedFrom {
  /** The module; undefined for the bare app that a broker URL alone is enough for. */
  readonly file: string | undefined
  /** Name of its export, when it was told. */
  readonly exportName: string | undefined
  /** The configuration file that was read. */
  readonly configFile: string | undefined
  /** All that the module exports. */
  readonly exports: ModuleExports
}

/** The app a command works with, under the settings of file, environment and flags, and with a log. */
export class LoadedApp implements AsyncDisposable {
  readonly app: App
  readonly from: LoadedFrom
  readonly #layers: Omit<SettingsLayers, 'code'>
  readonly #color: boolean
  #included: readonly string[] = []
  #log: NodeLog
  #logOptions: NodeLogOptions = {}

  /** @throws ConfigError for settings that make no sense */
  constructor(app: App, from: LoadedFrom, layers: Omit<SettingsLayers, 'code'>, options: { readonly color: boolean }) {
    this.app = app
    this.from = from
    this.#layers = layers
    this.#color = options.color
    // Twice: the settings say how to log, and what they warn of is logged.
    app.configure(layers)
    this.#log = this.#openLog(undefined)
  }

  /** How another process comes to the same app; undefined for the bare one. */
  get source(): AppSource | undefined {
    const { file, exportName, configFile } = this.from
    if (file === undefined) return undefined
    return { file, exportName, layers: { configFile, flags: this.#layers.flags ?? {} }, include: this.#included }
  }

  get exports(): ModuleExports {
    return this.from.exports
  }

  /** Loads modules for the tasks they define. */
  async include(files: readonly string[]): Promise<void> {
    for (const file of files) await loadModule(file, doors)
    this.#included = files
  }

  /** From now on the app logs to this file. */
  logTo(file: string): void {
    const before = this.#log
    this.#log = this.#openLog(file)
    before.close()
  }

  /** How its log is written, for a thread that writes lines of its own. */
  get logOptions(): NodeLogOptions {
    return this.#logOptions
  }

  /** After a log rotation. */
  reopenLog(): void {
    this.#log.reopen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]()
    await this.#log.close()
  }

  #openLog(file: string | undefined): NodeLog {
    const { logLevel, logFormat, workerLogFormat, workerTaskLogFormat, workerLogColor } = this.app.settings
    const color = this.#color ? workerLogColor : false
    this.#logOptions = {
      level: logLevel,
      output: logFormat,
      format: workerLogFormat,
      taskFormat: workerTaskLogFormat,
      ...(file === undefined ? {} : { file }),
      ...(color === undefined ? {} : { color }),
    }
    const log = openNodeLog(this.#logOptions)
    this.app.configure(this.#layers, { runtime: nodeRuntime({ log: log.log }) })
    return log
  }
}
