import type { Headers, Message } from '../../protocol/message.js'

/*
 * What RabbitMQ says of a message's past is one bit: it was delivered before. Everything else about it travels in a header
 * of ours, which exists only on messages that were published again by a worker (D40, "re-stamping"), because they are about
 * to begin with a past, came back after a fault, or had to wait at the broker.
 *
 * | header's `mark` | written when | a return without a word (the flag) means | `begun` |
 * | --- | --- | --- | --- |
 * | (no header) | – | one fault, whatever it was doing | no |
 * | `waiting` | it was parked, or handed back cleanly | nothing more, but the first fault always counts | no |
 * | `begun` | right before user code was entered; kept when it is put off instead | one more fault | yes |
 * | `failed` | it came back after a fault, or was put off after one that had begun | nothing more: it only waited again | yes |
 *
 * A clean hand-back of a message without the header cannot be told from the death of its holder, so it may count, once.
 * The same rule holds for quorum queues: their `x-delivery-count` counts every return, clean ones and those of messages
 * that never began, and would make poison of what merely waited through three restarts.
 */

export type Mark = 'waiting' | 'begun' | 'failed'

/** A message's past as its copy carries it. */
export interface Past {
  readonly deliveries: number
  readonly mark: Mark
  /** That of the delivery which was published again: the next one has a larger one, whatever its clock says (D45, D95). */
  readonly claim: number
  /** Where it was published to first. */
  readonly exchange: string
  readonly routingKey: string
}

const PAST_HEADER = 'lovage_past'
/** Also written, for other readers; quorum queues overwrite it with their own. */
const COUNT_HEADER = 'x-delivery-count'
/** What the broker adds to messages that went through a delay queue. */
const BROKERS_OWN = [
  'x-death',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-first-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
  'x-last-death-exchange',
] as const
const MARKS: readonly unknown[] = ['waiting', 'begun', 'failed'] satisfies Mark[]

export function withPast(headers: Headers, past: Past): Headers {
  const { deliveries, mark, claim, exchange, routingKey } = past
  return {
    ...headers,
    [COUNT_HEADER]: deliveries,
    [PAST_HEADER]: { deliveries, mark, claim, exchange, key: routingKey },
  }
}

/** Undefined: it was never published again, or by somebody who writes nonsense there. */
export function readPast(headers: Headers): Past | undefined {
  const found = headers[PAST_HEADER]
  if (typeof found !== 'object' || found === null) return undefined
  const { deliveries, mark, claim, exchange, key: routingKey } = found as Headers
  if (!isCount(deliveries) || !isCount(claim) || !MARKS.includes(mark)) return undefined
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined
  return { deliveries: Math.min(deliveries, MOST), mark: mark as Mark, claim, exchange, routingKey }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** The message as it was published: without what we and the broker have added on its ways. */
export function withoutPast(message: Message): Message {
  const { headers } = message
  if (headers[PAST_HEADER] === undefined && headers[COUNT_HEADER] === undefined && headers['x-death'] === undefined) {
    return message
  }
  const left: Record<string, unknown> = { ...headers }
  for (const name of [PAST_HEADER, COUNT_HEADER, ...BROKERS_OWN]) delete left[name]
  return { ...message, headers: left }
}

/** How many deliveries ended in a fault before this one. */
export function faultsOf(past: Past | undefined, redelivered: boolean): number {
  if (past === undefined) return redelivered ? 1 : 0
  const counts = redelivered && (past.mark === 'begun' || past.deliveries === 0)
  return past.deliveries + (counts ? 1 : 0)
}

/** Did the delivery before this one begin? */
export function hadBegun(past: Past | undefined, redelivered: boolean): boolean {
  return past !== undefined && (past.mark === 'failed' || (past.mark === 'begun' && redelivered))
}

/** Enough for any limit. */
const MOST = 1000
