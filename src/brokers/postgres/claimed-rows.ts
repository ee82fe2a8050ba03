import type { Row } from '../../drivers/postgres/connection.js'
import type { QueueName } from '../../protocol/ids.js'
import { messageFromParts } from '../virtual/message-columns.js'
import type { Claimed, Token } from '../virtual/queue-store.js'

/** A row of claim.sql, whose first two columns are the same in every one. */
export function claimedOf(row: Row, queues: readonly QueueName[]): Claimed {
  const [, , n, , id, claim, deliveries, faults, begun, enqueuedAt, exchange, routingKey, properties, headers, body] =
    row
  // The columns of claim.sql have these types.
  return {
    token: `${id}.${claim}`,
    message: messageFromParts(properties as string, headers as string, body as Uint8Array),
    queue: queues[(n as number) - 1] as QueueName,
    exchange: exchange as string,
    routingKey: routingKey as string,
    redelivered: (deliveries as number) > 1,
    faults: faults as number,
    begun: begun as boolean,
    claim: claim as number,
    enqueuedAt: enqueuedAt as number,
  }
}

export interface TokenParts {
  readonly id: number
  readonly claim: number
}

export function tokenParts(token: Token): TokenParts {
  const dot = token.indexOf('.')
  return { id: Number(token.slice(0, dot)), claim: Number(token.slice(dot + 1)) }
}
