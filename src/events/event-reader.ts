import type { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { ClusterEvent } from '../protocol/cluster-event.js'
import type { Codec } from '../protocol/codec.js'
import { decodeEvents } from '../protocol/event-message.js'
import type { Message } from '../protocol/message.js'
import type { ReceivedEvent } from './received-event.js'

export interface EventReaderParts {
  readonly runtime: Runtime
  readonly codec: Codec
  readonly clock: LamportClock
  /** Own node name: what happened here was counted when it happened. */
  readonly self?: string
}

/** Makes events of messages and keeps the clock with them. What is none is dropped and counted (M44). */
export class EventReader {
  readonly #parts: EventReaderParts
  #dropped = 0

  constructor(parts: EventReaderParts) {
    this.#parts = parts
  }

  /** What claimed to be an event and was none. */
  get dropped(): number {
    return this.#dropped
  }

  read(message: Message): readonly ReceivedEvent[] {
    const { clock, log } = this.#parts.runtime
    const receivedAt = clock.now()
    const seenAt = clock.steady()
    const { events, dropped, detail } = decodeEvents(message, this.#parts.codec, receivedAt)
    if (dropped > 0) {
      this.#dropped += dropped
      if (log.enabled('debug')) log.debug(`${dropped} events dropped: ${detail}`)
    }
    return events.map(event => ({ ...event, clock: this.#clockOf(event), receivedAt, seenAt }))
  }

  /** Clients do not keep their clocks with anybody's, so ours is the better one. Source: celery/events/receiver.py `event_from_message`. */
  #clockOf({ type, clock, hostname }: ClusterEvent): number {
    const own = this.#parts.clock
    if (hostname === this.#parts.self) {
      own.forward()
      return clock
    }
    const told = type === 'task-sent' ? (own.value || 1) - 1 : clock
    own.adjust(told)
    return told
  }
}
