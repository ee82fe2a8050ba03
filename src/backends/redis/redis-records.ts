import type { RedisArgument, RedisReply } from '../../drivers/redis/redis-connection.js'
import { Batcher } from '../../lib/batcher.js'
import type { Codec } from '../../protocol/codec.js'
import { decodeResult, encodeResult, type ResultEncoding } from '../../protocol/encode-result.js'
import type { TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import type { StoreOptions } from '../backend.js'
import type { RedisLines } from './redis-lines.js'
import { backendTrouble } from './redis-trouble.js'
import type { ResultKeys } from './result-keys.js'
import { addStoreWords, type StoreCall } from './store-words.js'

export interface RedisRecordsParts {
  readonly lines: Pick<RedisLines, 'call' | 'run'>
  readonly keys: ResultKeys
  readonly codec: Codec
  readonly encoding: ResultEncoding
}

/** Records of one script, keys of one MGET. */
const BATCH = 500
const BATCH_BYTES: number = 16 * 1024 * 1024
/** Keys of one look at all there are. */
const SCANNED = 1000

/** The records of results. What one turn of the event loop stores is one script. */
export class RedisRecords {
  readonly #parts: RedisRecordsParts
  readonly #stores: Batcher<StoreCall, RedisReply, 'stored' | 'refused'>

  constructor(parts: RedisRecordsParts) {
    this.#parts = parts
    this.#stores = new Batcher({
      maxCount: BATCH,
      maxWeight: BATCH_BYTES,
      weigh: call => call.record.byteLength,
      send: calls => this.#store(calls),
      answer: (call, answer) => this.#judged(call, answer),
      abandoned: (_phase, cause) => Promise.reject(backendTrouble(cause)),
    })
  }

  store(meta: ResultMeta, { ttl, fence }: StoreOptions): Promise<'stored' | 'refused'> {
    const { codec, encoding } = this.#parts
    let record: Uint8Array
    try {
      record = encodeResult(meta, codec, encoding)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#stores.ask({ id: meta.taskId, record, status: meta.status, ttl, fence })
  }

  /** Resolves when everything has been stored. */
  drain(): Promise<void> {
    return this.#stores.drain()
  }

  async fetch(id: TaskId): Promise<ResultMeta | undefined> {
    const { lines, keys } = this.#parts
    const found = await lines.call('reading a result', 'get', keys.taskKey(id))
    return found === null ? undefined : this.decode(found as Buffer)
  }

  async fetchAll(ids: readonly TaskId[]): Promise<readonly (ResultMeta | undefined)[]> {
    const found = await this.read(ids.map(id => this.#parts.keys.taskKey(id)))
    return found.map(bytes => (bytes === null ? undefined : this.decode(bytes)))
  }

  /** As they are stored under these keys. */
  async read(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    const found: (Buffer | null)[] = []
    for (let at = 0; at < keys.length; at += BATCH) {
      const part = await this.#parts.lines.call('reading results', 'mget', ...keys.slice(at, at + BATCH))
      found.push(...(part as readonly (Buffer | null)[]))
    }
    return found
  }

  decode(bytes: Buffer): ResultMeta {
    return decodeResult(bytes, this.#parts.codec, this.#parts.encoding)
  }

  async findIds(prefix: string, limit: number): Promise<readonly TaskId[]> {
    const { lines, keys } = this.#parts
    const pattern = `${globbed(keys.task + prefix)}*`
    const found = new Set<TaskId>()
    let cursor = '0'
    do {
      const answer = await lines.call('looking for results', 'scan', cursor, 'MATCH', pattern, 'COUNT', SCANNED)
      const [next, page] = answer as readonly [RedisReply, readonly RedisReply[]]
      for (const key of page) found.add(keys.taskOf(String(key)))
      cursor = String(next)
    } while (cursor !== '0' && found.size < limit)
    return [...found].slice(0, limit)
  }

  async forget(ids: readonly TaskId[]): Promise<void> {
    const { lines, keys } = this.#parts
    for (let at = 0; at < ids.length; at += BATCH) {
      const names = ids.slice(at, at + BATCH).flatMap(id => [keys.taskKey(id), keys.fenceKey(id)])
      await lines.call('forgetting results', 'del', ...names)
    }
  }

  async #store(calls: readonly StoreCall[]): Promise<readonly RedisReply[]> {
    const { lines, keys } = this.#parts
    const words: RedisArgument[] = []
    for (const call of calls) addStoreWords(words, call, undefined)
    const answers = await lines.run('storing results', 'store', [keys.task, keys.fence], words)
    // The script answers once for each.
    return answers as readonly RedisReply[]
  }

  /** At once, nearly always. */
  #judged(call: StoreCall, answer: RedisReply): 'stored' | 'refused' | Promise<'stored' | 'refused'> {
    if (answer === 1) return 'stored'
    return answer === 0 ? 'refused' : this.#judgeAgain(call, answer)
  }

  /** A record that only its serializer can read is looked at here, then judged again if it is still the same. */
  async #judgeAgain(call: StoreCall, answer: RedisReply): Promise<'stored' | 'refused'> {
    const { lines, keys } = this.#parts
    for (let found = answer; ; ) {
      if (found === 1) return 'stored'
      if (found === 0) return 'refused'
      const words: RedisArgument[] = []
      addStoreWords(words, call, { record: found as Buffer, status: this.#statusOf(found as Buffer) })
      const again = await lines.run('storing a result', 'store', [keys.task, keys.fence], words)
      found = (again as readonly RedisReply[])[0] as RedisReply
    }
  }

  /** What nobody can read may be overwritten. */
  #statusOf(record: Buffer): string {
    try {
      return this.decode(record).status
    } catch {
      return 'PENDING'
    }
  }
}

/** As itself in a pattern. */
function globbed(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
