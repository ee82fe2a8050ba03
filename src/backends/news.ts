import { Channel } from '../lib/channel.js'
import type { ResultMeta } from '../protocol/result-meta.js'

/** Where the news of one watch come from, and how they are read. */
export interface NewsSource<Item> {
  /** Throws when the backend cannot be asked. */
  check(): void
  /** Tells what is there already, then, until disposed, everything later. */
  listen(tell: (item: Item) => void): Disposable
  read(item: Item): ResultMeta
}

/** The watches of a backend that hears of its records in this process. */
export class News<Item> {
  readonly #watches = new Set<Channel<Item>>()

  /** As `ResultBackend.watch`: ends when `signal` fires, or with `end`. */
  async *watch({ check, listen, read }: NewsSource<Item>, signal: AbortSignal): AsyncIterable<ResultMeta> {
    check()
    if (signal.aborted) return
    const news = new Channel<Item>()
    const end = (): void => endNow(news)
    signal.addEventListener('abort', end, { once: true })
    const listening = listen(item => void news.push(item))
    this.#watches.add(news)
    try {
      for await (const item of news) yield read(item)
    } finally {
      this.#watches.delete(news)
      listening[Symbol.dispose]()
      signal.removeEventListener('abort', end)
    }
  }

  /** Ends every watch. */
  end(): void {
    for (const news of this.#watches) endNow(news)
  }
}

/** What waits is not told any more. */
function endNow(news: Channel<unknown>): void {
  news.take()
  news.close()
}
