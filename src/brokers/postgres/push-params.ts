import { jsonsParam, numbersParam, textsParam } from '../../drivers/postgres/arrays.js'
import { asBuffer } from '../../lib/as-buffer.js'
import type { Message } from '../../protocol/message.js'
import { packMessages } from '../virtual/message-columns.js'
import type { PushEntry, PushOutcome } from '../virtual/queue-store.js'
import type { KnownTopology, StoredQueue } from './known-topology.js'

const HIGHEST_PRIORITY = 255

/** Entries that a topology has routed: those that go into one push, and what is known of the others already. */
export interface RoutedBatch {
  readonly outcomes: (PushOutcome | undefined)[]
  readonly sent: readonly RoutedEntry[]
}

export interface RoutedEntry {
  /** Position in the batch. */
  readonly at: number
  readonly entry: PushEntry
  readonly queues: readonly StoredQueue[]
}

/** A publish id that comes twice in one batch goes along once; the second has the fate of the first, or is a duplicate. */
export function routeBatch(entries: readonly PushEntry[], topology: KnownTopology): RoutedBatch {
  const outcomes: (PushOutcome | undefined)[] = new Array(entries.length)
  const sent: RoutedEntry[] = []
  const ids = new Set<string>()
  entries.forEach((entry, at) => {
    const queues = topology.destinations(entry.to.exchange, entry.to.routingKey)
    if (queues.length === 0) outcomes[at] = { kind: 'unroutable' }
    else if (ids.has(entry.publishId)) outcomes[at] = { kind: 'duplicate' }
    else {
      ids.add(entry.publishId)
      sent.push({ at, entry, queues })
    }
  })
  return { outcomes, sent }
}

export interface Wake {
  /** Queues that may have been told of too lately. */
  readonly queues: readonly number[]
  readonly channel: string
}

/** Parameters of push.sql: a row per message and queue. Bodies go along once. */
export function pushParams(topology: number, sent: readonly RoutedEntry[], wake: Wake): readonly unknown[] {
  const { properties, headers, ends, bytes } = packMessages(sent.map(({ entry }) => entry.message))
  const rows = sent.flatMap(({ entry, queues }, at) => queues.map(queue => ({ entry, queue, at })))
  const startOf = (at: number): number => (at === 0 ? 0 : (ends[at - 1] as number))
  return [
    topology,
    textsParam(rows.map(({ entry }) => entry.publishId)),
    numbersParam(rows.map(({ entry }) => (entry.notBefore === undefined ? null : Math.ceil(entry.notBefore)))),
    textsParam(rows.map(({ entry }) => entry.to.exchange)),
    textsParam(rows.map(({ entry }) => entry.to.routingKey)),
    jsonsParam(rows.map(({ at }) => properties[at] as string)),
    jsonsParam(rows.map(({ at }) => headers[at] as string)),
    numbersParam(rows.map(({ at }) => startOf(at) + 1)),
    numbersParam(rows.map(({ at }) => (ends[at] as number) - startOf(at))),
    asBuffer(bytes),
    numbersParam(rows.map(({ queue }) => queue.id)),
    numbersParam(rows.map(({ entry, queue }) => Math.min(priorityOf(entry.message), queue.maxPriority))),
    numbersParam(wake.queues),
    wake.channel,
  ]
}

/** To which entry each row of `pushParams` belongs. */
export function rowEntries(sent: readonly RoutedEntry[]): readonly RoutedEntry[] {
  return sent.flatMap(one => one.queues.map(() => one))
}

function priorityOf(message: Message): number {
  const priority = message.properties.priority ?? 0
  return Number.isFinite(priority) ? Math.min(Math.max(Math.trunc(priority), 0), HIGHEST_PRIORITY) : 0
}
