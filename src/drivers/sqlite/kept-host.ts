import type { SqliteHost } from './host.js'
import type { Answer, Argument, OperationName, Operations } from './operations.js'
import { openThreadHost } from './thread-host.js'

export interface KeptHostOptions {
  readonly path: string
  readonly durability: 'full' | 'os'
  /** The setting of that name (D3e). */
  readonly allowNetworkFilesystem: boolean
  /** The file is somebody else's (`HostOptions.guest`). */
  readonly guest?: boolean
  /** Exports `operations`, which take no configuration. */
  readonly module: URL
}

/** A file on a thread of its own, opened when it is first needed and anew when it was lost. */
export class KeptHost<Ops extends Operations> implements AsyncDisposable {
  readonly #options: KeptHostOptions
  #host: Promise<SqliteHost<Ops>> | undefined

  constructor(options: KeptHostOptions) {
    this.#options = options
  }

  /** Rejects with `SqliteError`, `SqliteDamagedError`, and `ConfigError` for a file that cannot be used. */
  async call<Name extends OperationName<Ops>>(name: Name, args: Argument<Ops, Name>): Promise<Answer<Ops, Name>> {
    this.#host ??= this.#open()
    return await (await this.#host).call(name, args)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const host = await this.#host?.catch(() => undefined)
    await host?.[Symbol.asyncDispose]()
  }

  async #open(): Promise<SqliteHost<Ops>> {
    try {
      const host = await openThreadHost<undefined, Ops>({ ...this.#options, config: undefined })
      void host.closed.then(() => {
        this.#host = undefined
      })
      return host
    } catch (error) {
      this.#host = undefined
      throw error
    }
  }
}
