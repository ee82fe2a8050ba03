import { SqliteError } from '../../../drivers/errors.js'
import { KeptHost } from '../../../drivers/sqlite/kept-host.js'
import type { Answer, Argument, OperationName } from '../../../drivers/sqlite/operations.js'
import type { DjangoTables } from '../../../schedules/django-rows.js'
import { BeatStoreError } from '../../errors.js'
import type { DjangoDatabase, DjangoRun } from '../django-database.js'
import type { DjangoOperations } from './operations.js'

export interface SqliteDjangoOptions {
  /** As shown to people. */
  readonly url: string
  readonly path: string
}

/** The project's own file, on a thread of its own. Nothing of how the file is set up is changed. */
export class SqliteDjangoDatabase implements DjangoDatabase {
  readonly url: string
  readonly #path: string
  readonly #host: KeptHost<DjangoOperations>

  constructor({ url, path }: SqliteDjangoOptions) {
    this.url = url
    this.#path = path
    const module = new URL('./operations.js', import.meta.url)
    this.#host = new KeptHost({ path, durability: 'full', allowNetworkFilesystem: true, guest: true, module })
  }

  lastUpdate(): Promise<string | undefined> {
    return this.#call('lastUpdate', null)
  }

  tables(): Promise<DjangoTables> {
    return this.#call('tables', null)
  }

  record(runs: readonly DjangoRun[]): Promise<void> {
    return this.#call('record', runs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]()
  }

  async #call<Name extends OperationName<DjangoOperations>>(
    name: Name,
    args: Argument<DjangoOperations, Name>,
  ): Promise<Answer<DjangoOperations, Name>> {
    try {
      return await this.#host.call(name, args)
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error
      const message = `The tables of django-celery-beat in ${this.#path}: ${error.message}${error.remedy}`
      throw new BeatStoreError(error.code, message, { cause: error, transient: true })
    }
  }
}
