import { Channel } from '../../lib/channel.js'
import type { TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import type { RedisLines } from './redis-lines.js'
import type { RedisRecords } from './redis-records.js'
import { backendTrouble } from './redis-trouble.js'
import type { ResultKeys } from './result-keys.js'
import { Watch } from './watch.js'

export interface RedisWatchesParts {
  readonly lines: Pick<RedisLines, 'mustBeOpen' | 'subscribed' | 'subscriptions'>
  readonly keys: ResultKeys
  readonly records: Pick<RedisRecords, 'decode' | 'read'>
}

/** All watches of one backend: each is a subscription, followed by one look at what is there. */
export class RedisWatches {
  readonly #parts: RedisWatchesParts
  readonly #open = new Set<Channel<ResultMeta>>()

  constructor(parts: RedisWatchesParts) {
    this.#parts = parts
  }

  async *watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    if (signal.aborted) return
    const { lines, keys, records } = this.#parts
    lines.mustBeOpen()
    const news = new Channel<ResultMeta>()
    const watch = new Watch([...new Set(ids)], news, keys, bytes => records.decode(bytes))
    const end = (): void => endNow(news)
    signal.addEventListener('abort', end, { once: true })
    this.#open.add(news)
    void this.#begin(watch)
    try {
      for await (const meta of news) yield meta
      if (watch.error !== undefined && !signal.aborted) throw watch.error
    } finally {
      this.#open.delete(news)
      signal.removeEventListener('abort', end)
      void this.#leave(watch)
    }
  }

  /** Ends every watch. */
  end(): void {
    for (const news of this.#open) endNow(news)
  }

  /** Never rejects: what goes wrong ends the watch. */
  async #begin(watch: Watch): Promise<void> {
    const { lines, records } = this.#parts
    try {
      const subscriptions = await lines.subscriptions()
      await subscriptions.listen(watch.channels, watch)
      const present = await records.read(watch.channels)
      // Where nothing was, whatever there is comes by the subscription, after this look.
      if (present.some(record => record !== null)) await subscriptions.barrier()
      watch.begin(present)
    } catch (error) {
      watch.lost(backendTrouble(error))
    }
  }

  async #leave(watch: Watch): Promise<void> {
    const subscriptions = await this.#parts.lines.subscribed()
    subscriptions?.leave(watch.channels, watch)
  }
}

/** What waits is not told any more. */
function endNow(news: Channel<ResultMeta>): void {
  news.take()
  news.close()
}
