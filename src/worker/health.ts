import type { Ms } from '../lib/time.js'
import type { QueueName } from '../protocol/ids.js'
import type { Block } from './loop-watch.js'

/** A queue that holds messages, and a worker with room that is not given any. */
export interface Stall {
  /** Undefined: the broker did not even tell what waits. */
  readonly queue: QueueName | undefined
  readonly depth: number
  /** How long at least. */
  readonly age: Ms
  /** How often in a row. */
  readonly times: number
}

/** What a worker knows of itself. */
export interface HealthFacts {
  readonly mode: 'starting' | 'running' | 'stopping' | 'closed'
  /** Connected, and messages are being consumed. */
  readonly consuming: boolean
  readonly stall: Stall | undefined
  /** Queues that it has stopped to consume, because their dead-letter places are full. */
  readonly full: readonly QueueName[]
  /** Last block of the event loop above the limit, and how long ago it ended. */
  readonly block: { readonly block: Block; readonly ago: Ms } | undefined
  /** Deliveries since the start. */
  readonly deliveries: number
  readonly busy: number
  readonly slots: number
}

/** What `/livez` and `/readyz` answer. */
export interface Health {
  /** The process is worth keeping. */
  readonly live: boolean
  /** It does its work: connected, consuming every queue, not stalled, and its event loop turns. */
  readonly ready: boolean
  /** Why it is not ready. */
  readonly reasons: readonly string[]
  readonly busy: number
  readonly slots: number
  readonly deliveries: number
}

/** A blocked loop is told afterwards for so long: while it lasts nothing can be told. */
export const BLOCK_REMEMBERED: Ms = 30_000

/**
 * Judged by what was done, never by the process being there (G2). Whoever is asked has a loop that turns, so it is live
 * until it has closed.
 */
export function judgeHealth(facts: HealthFacts): Health {
  const { mode, consuming, stall, full, block, busy, slots, deliveries } = facts
  const reasons: string[] = []
  if (mode !== 'running') reasons.push(MODES[mode])
  else if (!consuming) reasons.push('it is not connected to its broker, or does not consume yet')
  if (stall !== undefined) reasons.push(stalled(stall))
  for (const queue of full) reasons.push(`queue '${queue}' is not consumed: its dead-letter place is full`)
  if (block !== undefined && block.ago < BLOCK_REMEMBERED) reasons.push(blocked(block.block, block.ago))
  return { live: mode !== 'closed', ready: reasons.length === 0, reasons, busy, slots, deliveries }
}

const MODES = {
  starting: 'it is starting',
  stopping: 'it is stopping',
  closed: 'it has stopped',
} as const satisfies Readonly<Record<Exclude<HealthFacts['mode'], 'running'>, string>>

function stalled({ queue, depth, age, times }: Stall): string {
  const often = times === 1 ? '' : `, for the ${times}th time in a row`
  if (queue === undefined) return `the broker has not answered for ${seconds(age)}${often}`
  return `nothing has been delivered for ${seconds(age)} although queue '${queue}' holds ${depth} messages${often}`
}

function blocked({ lag, tasks }: Block, ago: Ms): string {
  const who = tasks.length === 0 ? '' : ` (${tasks.join(', ')})`
  return `its event loop stood still for ${seconds(lag)}${who}, until ${seconds(ago)} ago`
}

function seconds(ms: Ms): string {
  return `${(ms / 1000).toFixed(1)} s`
}
