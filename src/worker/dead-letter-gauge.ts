import type { Connection } from '../brokers/broker.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import { deadQueue } from '../protocol/dead-letter.js'
import type { QueueName } from '../protocol/ids.js'

export interface DeadLetterLimit {
  readonly messages: number
  readonly bytes: number
}

/** What there is no room for, if there is none. */
export type DeadLetterRoom = 'room' | 'messages' | 'bytes'

interface Reading {
  count: number
  bytes: number
  readonly at: SteadyMs
  readonly weighedAt: SteadyMs
}

/** Between two looks at the broker the gauge counts its own writes. */
const READING_LIFE: Ms = 5000
/** A broker may have to look at every message to tell their bytes. */
const WEIGHING_LIFE: Ms = 60_000

/**
 * How full the dead-letter places are (D64): asked of the broker at most every 5 s and queue, and for bytes every minute; counted in
 * between. A broker that does not tell bytes is taken to hold letters of the mean size of those written here.
 */
export class DeadLetterGauge {
  readonly #limit: DeadLetterLimit
  readonly #readings = new Map<QueueName, Reading>()
  /** Under way: letters of one moment are counted by one look. */
  readonly #looks = new Map<QueueName, Promise<Reading>>()
  #written = 0
  #writtenBytes = 0

  constructor(limit: DeadLetterLimit) {
    this.#limit = limit
  }

  /** Is there room for a letter of so many bytes? Counts it as written, if so. */
  async room(queue: QueueName, connection: Connection, now: SteadyMs, bytes: number): Promise<DeadLetterRoom> {
    const reading = await this.#reading(queue, connection, now, bytes)
    if (reading.count >= this.#limit.messages) return 'messages'
    if (reading.bytes + bytes > this.#limit.bytes) return 'bytes'
    reading.count++
    reading.bytes += bytes
    this.#written++
    this.#writtenBytes += bytes
    return 'room'
  }

  dropped(queue: QueueName, bytes: number): void {
    const reading = this.#readings.get(queue)
    if (reading === undefined) return
    reading.count--
    reading.bytes -= bytes
  }

  async #reading(queue: QueueName, connection: Connection, now: SteadyMs, bytes: number): Promise<Reading> {
    const last = this.#readings.get(queue)
    if (last !== undefined && now - last.at <= READING_LIFE) return last
    const underWay = this.#looks.get(queue)
    if (underWay !== undefined) return underWay
    const look = this.#look(queue, last, connection, now, bytes)
    this.#looks.set(queue, look)
    try {
      return await look
    } finally {
      this.#looks.delete(queue)
    }
  }

  async #look(
    queue: QueueName,
    last: Reading | undefined,
    connection: Connection,
    now: SteadyMs,
    bytes: number,
  ): Promise<Reading> {
    const place = deadQueue(queue)
    const { ready, held, delayed } = await connection.stats(place)
    const count = ready + held + delayed
    const reading =
      last === undefined || now - last.weighedAt > WEIGHING_LIFE || last.bytes + bytes > this.#limit.bytes
        ? { count, bytes: await this.#weigh(place, count, connection, bytes), at: now, weighedAt: now }
        : { count, bytes: grown(last, count), at: now, weighedAt: last.weighedAt }
    this.#readings.set(queue, reading)
    return reading
  }

  async #weigh(place: QueueName, count: number, connection: Connection, bytes: number): Promise<number> {
    if (count === 0) return 0
    const told = await connection.weigh?.(place)
    return told ?? (count * (this.#writtenBytes + bytes)) / (this.#written + 1)
  }
}

/** What others have written or taken meanwhile is as heavy as the rest. */
function grown(last: Reading, count: number): number {
  return last.count > 0 ? (last.bytes * count) / last.count : last.bytes
}
