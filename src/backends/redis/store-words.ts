import { isUtf8 } from 'node:buffer'
import type { RedisArgument } from '../../drivers/redis/redis-connection.js'
import { asBuffer } from '../../lib/as-buffer.js'
import type { Ms } from '../../lib/time.js'
import type { TaskId } from '../../protocol/ids.js'
import type { Fence } from '../backend.js'

/** A record that is to be stored. */
export interface StoreCall {
  readonly id: TaskId
  readonly record: Uint8Array
  readonly status: string
  readonly ttl: Ms | undefined
  readonly fence: Fence | undefined
}

/** Three for each record, five where a stored one was read here; what is short goes in one word. */
export function addStoreWords(
  words: RedisArgument[],
  { id, record, status, ttl, fence }: StoreCall,
  read: { readonly record: Buffer; readonly status: string } | undefined,
): void {
  const life = ttl === undefined ? 0 : Math.max(1, Math.ceil(ttl))
  const order = fence === undefined ? '- -' : `${fence.retries} ${fence.claim}`
  words.push(id, wordOf(record), `${read === undefined ? 3 : 5} ${life} ${order} ${status}`)
  if (read !== undefined) words.push(read.record, read.status)
}

/** As text where it is one, as JSON is: the client writes a command of texts in one piece, and copies one with bytes part by part. */
function wordOf(record: Uint8Array): RedisArgument {
  const bytes = asBuffer(record)
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes
}
