import { RedisError } from '../../drivers/errors.js'
import { openRedis } from '../../drivers/redis/open-redis.js'
import type { RedisAddress } from '../../drivers/redis/redis-address.js'
import type { RedisArgument, RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import { loadScripts, type RedisScript } from '../../drivers/redis/redis-script.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { BeatChanges, BeatRecord, BeatStore, Leader, Leadership } from '../beat-store.js'
import { BeatStoreError } from '../errors.js'

export interface RedisBeatStoreOptions {
  readonly address: RedisAddress
  /** Before every key. */
  readonly prefix: string
  readonly runtime: Pick<Runtime, 'host'>
}

const VERBS = ['changes', 'lead', 'leader', 'resign', 'write'] as const

/**
 * What beats share, in Redis: a hash with the lease and the last version, a hash of values, and a sorted set of their versions. The
 * connection is made at the first call, and anew at the next call after it was lost.
 */
export class RedisBeatStore implements BeatStore {
  readonly url: string
  readonly #options: RedisBeatStoreOptions
  readonly #scripts: Readonly<Record<(typeof VERBS)[number], RedisScript>>
  readonly #lease: string
  readonly #all: readonly string[]
  #connection: Promise<RedisConnection> | undefined

  constructor(options: RedisBeatStoreOptions) {
    this.url = options.address.url
    this.#options = options
    this.#scripts = loadScripts(new URL('./lua/', import.meta.url), VERBS)
    const key = (part: string): string => `${options.prefix}lovage.beat.${part}`
    this.#lease = key('lease')
    this.#all = [this.#lease, key('records'), key('versions')]
  }

  async lead(holder: string, ttl: Ms): Promise<Leadership> {
    const [leads, second, left] = await this.#list('lead', [this.#lease], [holder, Math.ceil(ttl)])
    if (leads === 1) return { kind: 'leading', term: Number(second) }
    return { kind: 'following', leader: String(second), left: Number(left) }
  }

  async resign(holder: string): Promise<void> {
    await this.#run('resign', [this.#lease], [holder])
  }

  async leader(): Promise<Leader | undefined> {
    const [holder, term, left] = await this.#list('leader', [this.#lease], [])
    return holder === undefined ? undefined : { holder: String(holder), term: Number(term), left: Number(left) }
  }

  async changes(cursor: number): Promise<BeatChanges> {
    const [newest, ...rest] = await this.#list('changes', this.#all, [cursor])
    const records: BeatRecord[] = []
    for (let at = 0; at < rest.length; at += 2) {
      const value = rest[at + 1]
      records.push({ key: String(rest[at]), value: value === null || value === undefined ? undefined : String(value) })
    }
    return { cursor: Number(newest), records }
  }

  async write(records: readonly BeatRecord[], term?: number): Promise<'written' | 'fenced'> {
    const args = records.flatMap(({ key, value }) => [key, value === undefined ? 0 : 1, value ?? ''])
    return (await this.#run('write', this.#all, [term ?? '-', ...args])) === 1 ? 'written' : 'fenced'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    this.#connection = undefined
    await connection?.[Symbol.asyncDispose]()
  }

  async #list(
    verb: (typeof VERBS)[number],
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<readonly RedisReply[]> {
    const reply = await this.#run(verb, keys, args)
    if (Array.isArray(reply)) return reply
    throw this.#trouble((await this.#open()).misfit(DOING[verb]))
  }

  async #run(
    verb: (typeof VERBS)[number],
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<RedisReply> {
    try {
      return await (await this.#open()).run(DOING[verb], this.#scripts[verb], keys, args)
    } catch (error) {
      throw error instanceof RedisError ? this.#trouble(error) : error
    }
  }

  async #open(): Promise<RedisConnection> {
    const known = await this.#connection?.catch(() => undefined)
    if (known?.open === true) return known
    const { address, runtime } = this.#options
    this.#connection = openRedis(address, { name: `lovage-beat-${runtime.host.pid}@${runtime.host.name}` })
    return await this.#connection
  }

  #trouble(error: RedisError): BeatStoreError {
    return new BeatStoreError(error.code, `The schedule at ${this.url}: ${error.message}`, {
      cause: error,
      transient: error.transient,
    })
  }
}

const DOING: Readonly<Record<(typeof VERBS)[number], string>> = {
  changes: 'reading the schedule',
  lead: 'asking for the lead of the beats',
  leader: 'asking who leads the beats',
  resign: 'giving up the lead of the beats',
  write: 'writing to the schedule',
}
