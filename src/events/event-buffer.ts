import type { ClusterEvent } from '../protocol/event-message.js'

/** An event that waits to be sent. */
export interface WaitingEvent {
  readonly event: ClusterEvent
  /** Goes along with others of its group in one message. */
  readonly inGroup: boolean
  /** Characters of its fields. */
  readonly text: number
}

export interface EventBufferLimits {
  /** L16. */
  readonly count: number
  /** Characters of all fields together: a few thousand tracebacks must not weigh what a million heartbeats do. */
  readonly text: number
}

/** Events in the order of their happening. Beyond its limits the oldest leave, counted (L16). */
export class EventBuffer {
  readonly #limits: EventBufferLimits
  #items: WaitingEvent[] = []
  #head = 0
  #text = 0
  #dropped = 0

  constructor(limits: EventBufferLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** How many were never sent. */
  get dropped(): number {
    return this.#dropped
  }

  push(event: ClusterEvent, inGroup: boolean): void {
    const text = textOf(event.fields)
    this.#items.push({ event, inGroup, text })
    this.#text += text
    this.#bound()
  }

  /** Those that go into one message: a single event, or up to `most` neighbours of one group. Empty when nothing waits. */
  take(most: number): readonly WaitingEvent[] {
    const first = this.#items[this.#head]
    if (first === undefined) return []
    const from = this.#head
    let end = from + 1
    while (first.inGroup && end - from < most && belongs(this.#items[end], first)) end++
    const taken = this.#items.slice(from, end)
    for (const { text } of taken) this.#text -= text
    this.#head = end
    this.#sweep()
    return taken
  }

  /** What could not be sent goes back to its place. */
  giveBack(waiting: readonly WaitingEvent[]): void {
    const { clock = 0 } = waiting[0]?.event ?? {}
    let at = this.#head
    for (let next = this.#items[at]; next !== undefined && next.event.clock < clock; next = this.#items[at]) at++
    this.#items.splice(at, 0, ...waiting)
    for (const { text } of waiting) this.#text += text
    this.#bound()
  }

  /** Counts events that nobody will ever see. */
  drop(count: number): void {
    this.#dropped += count
  }

  #bound(): void {
    while (this.size > this.#limits.count || (this.#text > this.#limits.text && this.size > 1)) {
      this.#text -= (this.#items[this.#head] as WaitingEvent).text
      this.#head++
      this.#dropped++
    }
    this.#sweep()
  }

  /** Moving the head instead of the items keeps a full buffer cheap. */
  #sweep(): void {
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
  }
}

function belongs(next: WaitingEvent | undefined, first: WaitingEvent): boolean {
  return next?.inGroup === true && groupOf(next.event.type) === groupOf(first.event.type)
}

function groupOf(type: string): string {
  return type.slice(0, type.indexOf('-'))
}

function textOf(fields: ClusterEvent['fields']): number {
  let length = 0
  for (const name in fields) {
    const value = fields[name]
    if (typeof value === 'string') length += value.length
  }
  return length
}
