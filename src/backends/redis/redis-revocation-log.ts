import type { RedisReply } from '../../drivers/redis/redis-connection.js'
import type { LoggedRevocation, RevocationKeep, RevocationLog, RevocationPage } from '../revocation-log.js'
import type { RedisLines } from './redis-lines.js'
import type { ResultKeys } from './result-keys.js'

/** Entries of one script. */
const BATCH = 500

/** Revocations in two sorted sets, by number and by the end of their time. */
export class RedisRevocationLog implements RevocationLog {
  readonly #lines: Pick<RedisLines, 'run'>
  readonly #keys: ResultKeys

  constructor(lines: Pick<RedisLines, 'run'>, keys: ResultKeys) {
    this.#lines = lines
    this.#keys = keys
  }

  async append(entries: readonly string[], { ttl, max }: RevocationKeep): Promise<void> {
    for (let at = 0; at < entries.length; at += BATCH) {
      const words = [ttl, max, ...entries.slice(at, at + BATCH)]
      await this.#lines.run('keeping revocations', 'add-revocations', this.#keys.revocations, words)
    }
  }

  async after(cursor: string, limit: number): Promise<RevocationPage> {
    const [entriesKey, untilKey] = this.#keys.revocations
    const words = [cursor === '' ? 0 : cursor, limit]
    const answer = await this.#lines.run('reading revocations', 'revocations-after', [entriesKey, untilKey], words)
    // Number of the last one, then each entry with the time it is still kept; 0 where its time is over.
    const [last, ...found] = (answer as readonly RedisReply[]).map(String)
    const entries: LoggedRevocation[] = []
    for (let i = 0; i + 1 < found.length; i += 2) {
      const left = Number(found[i + 1])
      if (left > 0) entries.push({ entry: found[i] as string, left })
    }
    return { entries, cursor: last ?? cursor }
  }
}
