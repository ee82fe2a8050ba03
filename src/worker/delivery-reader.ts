import type { Delivery } from '../brokers/broker.js'
import type { Clock } from '../lib/runtime.js'
import type { Codec } from '../protocol/codec.js'
import {
  type DecodedTask,
  type DecodeTaskOptions,
  decodeTask,
  decodeTaskInTurns,
  isLarge,
} from '../protocol/decode-task.js'
import type { Limits } from '../protocol/limits.js'
import type { Message } from '../protocol/message.js'

export interface DeliveryReaderParts {
  readonly clock: Clock
  readonly codec: Codec
  readonly limits: Limits
  /** In the order in which they were given. */
  taken(delivery: Delivery, decoded: DecodedTask): void
  /** Owns the reading of a large one. */
  own(work: Promise<unknown>): void
}

/** A large delivery is being read. */
interface Reading {
  /** Itself, and what came after it. */
  readonly deliveries: Delivery[]
}

/**
 * Reads deliveries in order: while a large one is read, those behind it wait. A large body must not keep the event loop, nor may its
 * task change places with those behind it (M12, D07).
 */
export class DeliveryReader {
  readonly #parts: DeliveryReaderParts
  #reading: Reading | undefined

  constructor(parts: DeliveryReaderParts) {
    this.#parts = parts
  }

  /** Is a large one being read? */
  get isReading(): boolean {
    return this.#reading !== undefined
  }

  take(delivery: Delivery): void {
    if (this.#reading !== undefined) this.#reading.deliveries.push(delivery)
    else if (isLarge(delivery.message)) this.#parts.own(this.#takeLarge(delivery))
    else this.#parts.taken(delivery, decodeTask(delivery.message, this.#parts.codec, this.#decoding()))
  }

  /** A message by itself. */
  read(message: Message): DecodedTask | Promise<DecodedTask> {
    return isLarge(message) ? this.#readLarge(message) : decodeTask(message, this.#parts.codec, this.#decoding())
  }

  /** What is being read, and what waits behind it, is not taken any more. */
  drop(): readonly Delivery[] {
    const deliveries = this.#reading?.deliveries ?? []
    this.#reading = undefined
    return deliveries
  }

  async #takeLarge(delivery: Delivery): Promise<void> {
    const reading: Reading = { deliveries: [delivery] }
    this.#reading = reading
    const decoded = await this.#readLarge(delivery.message)
    // Meanwhile all were handed back, or the connection was lost and they come again.
    if (this.#reading !== reading) return
    this.#reading = undefined
    this.#parts.taken(delivery, decoded)
    for (const next of reading.deliveries.slice(1)) this.take(next)
  }

  #readLarge(message: Message): Promise<DecodedTask> {
    const turn = (): Promise<void> => this.#parts.clock.sleep(0)
    return decodeTaskInTurns(message, this.#parts.codec, turn, this.#decoding())
  }

  #decoding(): DecodeTaskOptions {
    const { limits, clock } = this.#parts
    return { limits, now: clock.now() }
  }
}
