import type { Connection } from '../brokers/broker.js'
import type { SteadyMs } from '../lib/time.js'
import { deadQueue } from '../protocol/dead-letter.js'
import type { QueueName } from '../protocol/ids.js'

interface Reading {
  count: number
  readonly at: SteadyMs
}

/** Between two looks at the broker the gauge counts its own writes. */
const READING_LIFE = 5000

/** How full the dead-letter places are (D64): asked of the broker at most every 5 s and queue, counted in between. */
export class DeadLetterGauge {
  readonly #max: number
  readonly #readings = new Map<QueueName, Reading>()

  constructor(max: number) {
    this.#max = max
  }

  /** Is there room for one more? Counts it as written. */
  async room(queue: QueueName, connection: Connection, now: SteadyMs): Promise<boolean> {
    let reading = this.#readings.get(queue)
    if (reading === undefined || now - reading.at > READING_LIFE) {
      const { ready, held, delayed } = await connection.stats(deadQueue(queue))
      reading = { count: ready + held + delayed, at: now }
      this.#readings.set(queue, reading)
    }
    if (reading.count >= this.#max) return false
    reading.count++
    return true
  }
}
