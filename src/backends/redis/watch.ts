import type { Channel } from '../../lib/channel.js'
import type { TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import { unreadableRecord } from '../unreadable-record.js'
import { backendTrouble } from './redis-trouble.js'
import type { ResultKeys } from './result-keys.js'
import type { Listener } from './result-subscriptions.js'

/** What is told of some ids: their records as of the beginning, then every later one. */
export class Watch implements Listener {
  readonly channels: readonly string[]
  readonly #news: Channel<ResultMeta>
  readonly #keys: ResultKeys
  readonly #decode: (bytes: Buffer) => ResultMeta
  /** Until the beginning has been told: the last message of each channel. */
  #early: Map<string, Buffer> | undefined = new Map()
  #error: Error | undefined

  constructor(
    ids: readonly TaskId[],
    news: Channel<ResultMeta>,
    keys: ResultKeys,
    decode: (bytes: Buffer) => ResultMeta,
  ) {
    this.channels = ids.map(id => keys.taskKey(id))
    this.#news = news
    this.#keys = keys
    this.#decode = decode
  }

  get error(): Error | undefined {
    return this.#error
  }

  /** Records are as new as the last message heard so far, or older. */
  begin(present: readonly (Buffer | null)[]): void {
    const early = this.#early ?? new Map()
    this.#early = undefined
    for (const [at, channel] of this.channels.entries()) {
      const record = early.get(channel) ?? present[at]
      if (record !== null && record !== undefined) this.#tell(channel, record)
    }
  }

  hear(channel: string, message: Buffer): void {
    if (this.#early === undefined) this.#tell(channel, message)
    else this.#early.set(channel, message)
  }

  lost(error: Error): void {
    this.#error = backendTrouble(error)
    this.#news.close()
  }

  #tell(channel: string, record: Buffer): void {
    try {
      this.#news.push(this.#decode(record))
    } catch (error) {
      this.#news.push(unreadableRecord(this.#keys.taskOf(channel), error as Error))
    }
  }
}
