import { type App, nodeRuntime, type SettingsLayers } from '../index.js'
import { type NodeLog, openNodeLog } from '../lib/node-log.js'

export interface LoadedFrom {
  /** The module; undefined for the bare app that a broker URL alone is enough for. */
  readonly file: string | undefined
  /** The configuration file that was read. */
  readonly configFile: string | undefined
}

/** The app a command works with, under the settings of file, environment and flags, and with a log. */
export class LoadedApp implements AsyncDisposable {
  readonly app: App
  readonly from: LoadedFrom
  readonly #layers: Omit<SettingsLayers, 'code'>
  readonly #color: boolean
  #log: NodeLog

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

  /** From now on the app logs to this file. */
  logTo(file: string): void {
    const before = this.#log
    this.#log = this.#openLog(file)
    before.close()
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
    const log = openNodeLog({
      level: logLevel,
      output: logFormat,
      format: workerLogFormat,
      taskFormat: workerTaskLogFormat,
      ...(file === undefined ? {} : { file }),
      ...(color === undefined ? {} : { color }),
    })
    this.app.configure(this.#layers, { runtime: nodeRuntime({ log: log.log }) })
    return log
  }
}
