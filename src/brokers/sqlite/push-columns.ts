import type { Message } from '../../protocol/message.js'
import { packMessages } from '../virtual/message-columns.js'
import type { PushEntry } from '../virtual/queue-store.js'
import type { PushColumns } from './store-calls.js'

const HIGHEST_PRIORITY = 255

export function pushColumns(entries: readonly PushEntry[]): PushColumns {
  return {
    publishIds: entries.map(entry => entry.publishId),
    exchanges: entries.map(entry => entry.to.exchange),
    routingKeys: entries.map(entry => entry.to.routingKey),
    priorities: entries.map(entry => priorityOf(entry.message)),
    notBefore: entries.map(entry => entry.notBefore),
    ...packMessages(entries.map(entry => entry.message)),
  }
}

function priorityOf(message: Message): number {
  const priority = message.properties.priority ?? 0
  return Number.isFinite(priority) ? Math.min(Math.max(Math.trunc(priority), 0), HIGHEST_PRIORITY) : 0
}
