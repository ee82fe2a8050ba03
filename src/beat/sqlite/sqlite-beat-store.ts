import { SqliteDamagedError, SqliteError } from '../../drivers/errors.js'
import type { Durability } from '../../drivers/sqlite/database.js'
import { KeptHost } from '../../drivers/sqlite/kept-host.js'
import type { Answer, Argument, OperationName } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { BeatChanges, BeatRecord, BeatStore, Leader, Leadership } from '../beat-store.js'
import { BeatStoreError } from '../errors.js'
import type { BeatOperations } from './operations.js'

export interface SqliteBeatStoreOptions {
  /** As shown to people. */
  readonly url: string
  readonly path: string
  readonly durability: Durability
  /** The setting of that name (D3e). */
  readonly allowNetworkFilesystem: boolean
}

/** What the beats of one machine share, in a SQLite file: the broker's own or another. A damaged file is kept aside (H65). */
export class SqliteBeatStore implements BeatStore {
  readonly url: string
  readonly #path: string
  readonly #host: KeptHost<BeatOperations>

  constructor({ url, ...file }: SqliteBeatStoreOptions) {
    this.url = url
    this.#path = file.path
    this.#host = new KeptHost({ ...file, module: new URL('./operations.js', import.meta.url) })
  }

  lead(holder: string, ttl: Ms): Promise<Leadership> {
    return this.#call('lead', { holder, ttl })
  }

  async resign(holder: string): Promise<void> {
    await this.#call('resign', holder)
  }

  leader(): Promise<Leader | undefined> {
    return this.#call('leader', null)
  }

  changes(cursor: number): Promise<BeatChanges> {
    return this.#call('changes', cursor)
  }

  write(records: readonly BeatRecord[], term?: number): Promise<'written' | 'fenced'> {
    return this.#call('write', { records, term })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]()
  }

  async #call<Name extends OperationName<BeatOperations>>(
    name: Name,
    args: Argument<BeatOperations, Name>,
  ): Promise<Answer<BeatOperations, Name>> {
    try {
      return await this.#host.call(name, args)
    } catch (error) {
      if (error instanceof SqliteDamagedError) {
        throw new BeatStoreError(error.code, error.message, { cause: error, transient: true })
      }
      if (!(error instanceof SqliteError)) throw error
      const message = `The schedule in ${this.#path}: ${error.message}${error.remedy}`
      throw new BeatStoreError(error.code, message, { cause: error, transient: true })
    }
  }
}
