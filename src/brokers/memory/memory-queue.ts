import { Heap } from '../../lib/heap.js'
import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { Queue } from '../broker.js'
import { messageBytes } from '../virtual/delivery.js'
import { messageTtl } from '../virtual/message-ttl.js'
import { Fifo } from './fifo.js'

/** One message in one queue, from its push until its ack. */
export interface Entry {
  readonly queue: MemoryQueue
  readonly message: Message
  readonly exchange: string
  readonly routingKey: string
  readonly priority: number
  /** Place among all messages of the store: the older, the smaller. */
  readonly age: number
  readonly enqueuedAt: EpochMs
  redelivered: boolean
  faults: number
  /** The present delivery is marked as begun; while none holds it: the last one was that said anything of it. */
  begun: boolean
  /** The mark that it had when it was handed out. */
  hadBegun: boolean
}

export interface Now {
  readonly wall: EpochMs
  readonly steady: SteadyMs
}

interface Delayed {
  readonly entry: Entry
  readonly due: number
}

const HIGHEST_PRIORITY = 255

/**
 * Ready and delayed messages of one queue, ready ones by priority (higher first), then age.
 *
 * What arrives in order of age, which is nearly everything, goes through one Fifo per priority; what comes back to its
 * old place (requeued, restored, due after a delay) through a heap. Thus depth costs nothing until messages come back.
 */
export class MemoryQueue {
  readonly name: QueueName
  readonly autoDelete: boolean
  readonly exclusive: boolean
  /** Who declared it: what is exclusive, or was never consumed, goes with it. */
  readonly owner: object
  readonly #maxPriority: number
  /** Life of a ready message; only queues that go by themselves limit it. */
  readonly #ttl: Ms | undefined
  /** Highest priority first. */
  readonly #levels: { readonly priority: number; readonly entries: Fifo<Entry> }[] = []
  readonly #back = new Heap<Entry>(before)
  readonly #dueByWall = new Heap<Delayed>((a, b) => a.due < b.due || (a.due === b.due && a.entry.age < b.entry.age))
  readonly #dueBySteady = new Heap<Delayed>((a, b) => a.due < b.due || (a.due === b.due && a.entry.age < b.entry.age))
  #ready = 0
  #bytes = 0
  held = 0
  consumers = 0
  /** What is requeued into a deleted queue is gone, like the queue. */
  deleted = false

  constructor(queue: Queue, owner: object) {
    this.name = queue.name
    this.owner = owner
    this.autoDelete = queue.autoDelete ?? false
    this.exclusive = queue.exclusive ?? false
    this.#ttl = messageTtl(queue)
    this.#maxPriority = Math.min(queue.maxPriority ?? HIGHEST_PRIORITY, HIGHEST_PRIORITY)
  }

  get ready(): number {
    return this.#ready
  }

  /** Of what is ready. */
  get bytes(): number {
    return this.#bytes
  }

  get delayed(): number {
    return this.#dueByWall.size + this.#dueBySteady.size
  }

  priorityOf(message: Message): number {
    return Math.max(0, Math.min(message.properties.priority ?? 0, this.#maxPriority))
  }

  /** A message younger than all that came before it. */
  push(entry: Entry): void {
    this.#level(entry.priority).push(entry)
    this.#added(entry)
  }

  delayUntil(entry: Entry, due: EpochMs): void {
    this.#dueByWall.push({ entry, due })
  }

  delayFor(entry: Entry, due: SteadyMs): void {
    this.#dueBySteady.push({ entry, due })
  }

  /** To its old place. */
  putBack(entry: Entry): void {
    this.#back.push(entry)
    this.#added(entry)
  }

  /** Makes ready what has become due, and drops what has become too old. */
  promote(now: Now): void {
    if (this.#ttl !== undefined) this.#expire(now.wall - this.#ttl)
    this.#promoteFrom(this.#dueByWall, now.wall)
    this.#promoteFrom(this.#dueBySteady, now.steady)
  }

  /** How long until the next delayed message is due. */
  dueIn(now: Now): Ms | undefined {
    const byWall = this.#dueByWall.peek()
    const bySteady = this.#dueBySteady.peek()
    if (byWall === undefined && bySteady === undefined) return undefined
    return Math.min((byWall?.due ?? Infinity) - now.wall, (bySteady?.due ?? Infinity) - now.steady)
  }

  take(): Entry | undefined {
    const level = this.#levels.find(({ entries }) => entries.size > 0)?.entries
    const fresh = level?.peek()
    const back = this.#back.peek()
    if (fresh === undefined && back === undefined) return undefined
    const taken = fresh === undefined || (back !== undefined && before(back, fresh)) ? this.#back.pop() : level?.shift()
    if (taken !== undefined) this.#removed(taken)
    return taken
  }

  /** Drops ready and delayed messages; returns how many. */
  purge(): number {
    const dropped = this.#ready + this.delayed
    for (const { entries } of this.#levels) entries.clear()
    this.#back.clear()
    this.#dueByWall.clear()
    this.#dueBySteady.clear()
    this.#ready = 0
    this.#bytes = 0
    return dropped
  }

  #added({ message }: Entry): void {
    this.#ready++
    this.#bytes += messageBytes(message)
  }

  #removed({ message }: Entry): void {
    this.#ready--
    this.#bytes -= messageBytes(message)
  }

  #expire(before: EpochMs): void {
    for (const { entries } of this.#levels) {
      for (let oldest = entries.peek(); oldest !== undefined && oldest.enqueuedAt <= before; oldest = entries.peek()) {
        entries.shift()
        this.#removed(oldest)
      }
    }
  }

  #promoteFrom(heap: Heap<Delayed>, now: number): void {
    for (let next = heap.peek(); next !== undefined && next.due <= now; next = heap.peek()) {
      heap.pop()
      this.putBack(next.entry)
    }
  }

  #level(priority: number): Fifo<Entry> {
    const levels = this.#levels
    let at = 0
    for (; at < levels.length; at++) {
      const level = levels[at] as (typeof levels)[number]
      if (level.priority === priority) return level.entries
      if (level.priority < priority) break
    }
    const entries = new Fifo<Entry>()
    levels.splice(at, 0, { priority, entries })
    return entries
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.priority === b.priority ? a.age < b.age : a.priority > b.priority
}
