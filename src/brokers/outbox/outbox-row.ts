import type { EpochMs } from '../../lib/time.js'
import type { Address, Queue, TransactionEntry } from '../broker.js'
import { messageFromParts } from '../virtual/message-columns.js'
import type { OutboxMessage } from './outbox.js'

/** What of an entry is no part of its message. */
interface Envelope {
  readonly to: Address
  readonly publishId: string
  readonly notBefore: EpochMs | null
  readonly queue: Queue | null
}

export function printEnvelope({ to, publishId, notBefore, queue }: TransactionEntry): string {
  return JSON.stringify({ to, publishId, notBefore: notBefore ?? null, queue: queue ?? null } satisfies Envelope)
}

export interface OutboxRow {
  readonly id: number
  readonly tries: number
  readonly envelope: string
  readonly properties: string
  readonly headers: string
  readonly body: Uint8Array
}

export function messageOf(row: OutboxRow): OutboxMessage {
  // Written by `printEnvelope`.
  const { to, publishId, notBefore, queue } = JSON.parse(row.envelope) as Envelope
  return {
    id: row.id,
    tries: row.tries,
    message: messageFromParts(row.properties, row.headers, row.body),
    to,
    publishId,
    notBefore: notBefore ?? undefined,
    queue: queue ?? undefined,
  }
}
