import assert from 'node:assert/strict'
import type { Settled, Topology } from '../../../src/brokers/broker.js'
import type {
  Claimed,
  PushEntry,
  PushOutcome,
  StoreSession,
  Verdict,
} from '../../../src/brokers/virtual/queue-store.js'
import type { QueueName } from '../../../src/protocol/ids.js'
import type { Message } from '../../../src/protocol/message.js'
import { ForwardingSession } from '../../../src/testing/sim/forwarding-session.js'

/** What was pushed, by the number that it carries through the file; numbers grow. */
export class Marks {
  readonly #messages = new Map<number, Message>()
  #last = 0

  add(message: Message): number {
    this.#messages.set(++this.#last, message)
    return this.#last
  }

  of(mark: number): Message | undefined {
    return this.#messages.get(mark)
  }

  drop(mark: number): void {
    this.#messages.delete(mark)
  }

  entries(): Iterable<readonly [number, Message]> {
    return this.#messages
  }
}

const MARK = 'lab-mark'

export function markOf(headers: Readonly<Record<string, unknown>>): number {
  return Number(headers[MARK])
}

/**
 * A session at a file, in which a message is a row and no object: each message carries a number, by which the one that
 * comes out is known for the one that went in, and is compared with it.
 */
export class MarkedSession extends ForwardingSession {
  readonly #marks: Marks
  readonly #committed: () => void

  constructor(inner: StoreSession, marks: Marks, committed: () => void) {
    super(inner)
    this.#marks = marks
    this.#committed = committed
  }

  override async declare(topology: Topology): Promise<void> {
    await this.inner.declare(topology)
    this.#committed()
  }

  override async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    const marked = entries.map(entry => ({ ...entry, message: this.#marked(entry.message) }))
    const outcomes = await this.inner.push(marked)
    this.#committed()
    for (const [i, { message }] of marked.entries()) {
      if (outcomes[i]?.kind !== 'accepted') this.#marks.drop(markOf(message.headers))
    }
    return outcomes
  }

  override async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const claimed = await this.inner.claim(queues, limit)
    this.#committed()
    return claimed.map(one => ({ ...one, message: this.#original(one.message) }))
  }

  override async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const settled = await this.inner.settle(verdicts)
    this.#committed()
    return settled
  }

  #marked(message: Message): Message {
    return { ...message, headers: { ...message.headers, [MARK]: this.#marks.add(message) } }
  }

  #original(read: Message): Message {
    const { [MARK]: mark, ...headers } = read.headers
    const message = this.#marks.of(Number(mark))
    if (message === undefined) throw new Error(`a message came out of the file that was never put in: ${Number(mark)}`)
    assert.deepEqual(
      { ...read, headers, body: Buffer.from(read.body) },
      { ...message, body: Buffer.from(message.body) },
    )
    return message
  }
}
