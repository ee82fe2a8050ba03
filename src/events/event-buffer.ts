import type { ClusterEvent } from '../protocol/cluster-event.js'

/** An event that waits to be sent. */
export interface WaitingEvent {
  readonly event: ClusterEvent
  /** Goes along with others of its group in one message. */
  readonly inGroup: boolean
  /** Characters of its fields. */
  readonly text: number
}

/** How many events, and how many characters of all their fields together: a few tracebacks weigh what hundreds of heartbeats do. */
export interface EventAmount {
  readonly count: number
  readonly text: number
}

/** Events in the order of their happening. Beyond its limits the oldest leave, counted (L16). */
export class EventBuffer {
  readonly #limits: EventAmount
  #items: WaitingEvent[] = []
  #head = 0
  #text = 0
  #dropped = 0

  constructor(limits: EventAmount) {
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

  /** Those that go into one message: a single event, or neighbours of one group, as many as may be. Empty when nothing waits. */
  take(most: EventAmount): readonly WaitingEvent[] {
    const from = this.#head
    const first = this.#items[from]
    if (first === undefined) return []
    const group = groupOf(first.event.type)
    let end = from + 1
    let { text } = first
    while (first.inGroup && end - from < most.count) {
      const next = this.#items[end]
      if (next?.inGroup !== true || !next.event.type.startsWith(group) || text + next.text > most.text) break
      text += next.text
      end++
    }
    const taken = this.#items.slice(from, end)
    this.#text -= text
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

/** `task-` of `task-received`. */
function groupOf(type: string): string {
  return type.slice(0, type.indexOf('-') + 1)
}

function textOf(fields: ClusterEvent['fields']): number {
  let length = 0
  for (const name in fields) {
    const value = fields[name]
    if (typeof value === 'string') length += value.length
  }
  return length
}
