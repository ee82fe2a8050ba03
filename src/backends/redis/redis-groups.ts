import { asBuffer } from '../../lib/as-buffer.js'
import type { Ms } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import { decodeGroup, encodeGroup, type ResultEncoding } from '../../protocol/encode-result.js'
import type { GroupId } from '../../protocol/ids.js'
import type { GroupMeta } from '../../protocol/result-meta.js'
import type { RedisLines } from './redis-lines.js'
import type { ResultKeys } from './result-keys.js'

export interface RedisGroupsParts {
  readonly lines: Pick<RedisLines, 'call' | 'set'>
  readonly keys: ResultKeys
  readonly codec: Codec
  readonly encoding: ResultEncoding
}

/** Saved groups: which results belong together. */
export class RedisGroups {
  readonly #parts: RedisGroupsParts

  constructor(parts: RedisGroupsParts) {
    this.#parts = parts
  }

  async save(group: GroupMeta, ttl: Ms | undefined): Promise<void> {
    const { lines, keys, codec, encoding } = this.#parts
    const bytes = encodeGroup(group, codec, encoding)
    await lines.set('saving a group', keys.groupKey(group.id), asBuffer(bytes), ttl)
  }

  async fetch(id: GroupId): Promise<GroupMeta | undefined> {
    const { lines, keys, codec, encoding } = this.#parts
    const found = await lines.call('reading a group', 'get', keys.groupKey(id))
    return found === null ? undefined : decodeGroup(found as Buffer, codec, encoding)
  }

  async forget(id: GroupId): Promise<void> {
    await this.#parts.lines.call('forgetting a group', 'del', this.#parts.keys.groupKey(id))
  }
}
