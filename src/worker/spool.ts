import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { type Dict, isDict } from '../protocol/dict.js'
import { queueName, type TaskId, taskId } from '../protocol/ids.js'
import { parseJson, printJson } from '../protocol/json.js'
import type { Limits } from '../protocol/limits.js'
import type { Message } from '../protocol/message.js'
import { resultMetaFromDict, resultMetaToDict } from '../protocol/result-dict.js'
import { signatureFromDict, signatureToDict } from '../protocol/signature-dict.js'
import type { DeliveryFacts } from './settle-context.js'
import type { SpooledEnd } from './spooled-end.js'

/** Where lines survive this process (drivers/append-file.ts; in memory for tests). */
export interface LineStore {
  append(line: string): Promise<void>
  take(): Promise<readonly string[]>
  drop(): Promise<void>
}

/** The end of an early-acked task that could not be told to backend or broker in time. */
export interface SpoolEntry {
  readonly message: Message
  readonly delivery: DeliveryFacts
  readonly end: SpooledEnd
  /** Publish ids of what the broker has got of it already. */
  readonly sent: readonly string[]
}

export interface SpoolParts {
  readonly runtime: Runtime
  readonly lines: LineStore
  readonly limits: Limits
  /** Tells the end. Resolves to what is to be kept when backend or broker is still away; rejects with any other reason. */
  redo(entry: SpoolEntry): Promise<SpoolEntry | undefined>
}

/** While something is in the spool, it is tried again this often. */
const TRY_AGAIN: Ms = 10_000

/**
 * What early-acked tasks could not tell the world in time (D47): their message is gone, so the spool is the only place
 * that still knows. Entries are told at the next start and, while the worker lives, every 10 s; each is kept until it
 * worked.
 */
export class Spool implements Disposable {
  readonly #parts: SpoolParts
  #timer: Disposable | undefined
  #draining = false
  #closed = false

  constructor(parts: SpoolParts) {
    this.#parts = parts
  }

  async write(entry: SpoolEntry): Promise<void> {
    const { lines, limits } = this.#parts
    await lines.append(printJson(toLine(entry, limits), { limits }))
    this.#tryLater()
  }

  /** Resolves to the number of entries told. A line that cannot be read is logged and dropped. */
  async drain(): Promise<number> {
    if (this.#draining) return 0
    this.#draining = true
    try {
      return await this.#drain()
    } finally {
      this.#draining = false
    }
  }

  /** What is in it stays for the next start. */
  [Symbol.dispose](): void {
    this.#closed = true
    this.#timer?.[Symbol.dispose]()
  }

  async #drain(): Promise<number> {
    const { lines } = this.#parts
    const kept: SpoolEntry[] = []
    let told = 0
    for (const line of await lines.take()) {
      const entry = this.#read(line)
      if (entry === undefined) continue
      const left = await this.#redo(entry)
      if (left === undefined) told++
      else kept.push(left)
    }
    for (const entry of kept) await this.write(entry)
    await lines.drop()
    return told
  }

  async #redo(entry: SpoolEntry): Promise<SpoolEntry | undefined> {
    const { redo, runtime } = this.#parts
    let why = 'backend or broker is away'
    const left = await redo(entry).catch((error: unknown) => {
      why = String(error)
      return entry
    })
    if (left !== undefined) runtime.log.warning(`The end of task ${taskIdOf(entry.end)} can still not be told: ${why}`)
    return left
  }

  #tryLater(): void {
    if (this.#timer !== undefined || this.#closed) return
    const { clock, log } = this.#parts.runtime
    this.#timer = clock.timer(TRY_AGAIN, () => {
      this.#timer = undefined
      this.drain().catch(error => {
        log.error(`The spool could not be read: ${String(error)}`)
        this.#tryLater()
      })
    })
  }

  #read(line: string): SpoolEntry | undefined {
    const { runtime, limits } = this.#parts
    try {
      return fromLine(parseJson(line, { limits }), limits)
    } catch (error) {
      runtime.log.error(`A line of the spool cannot be read and is dropped: ${String(error)}`)
      return undefined
    }
  }
}

function taskIdOf(end: SpooledEnd): TaskId {
  return end.kind === 'record' ? end.meta.taskId : end.taskId
}

function toLine({ message, delivery, end, sent }: SpoolEntry, limits: Limits): Dict {
  const { headers, properties, body } = message
  const { queue, exchange, routingKey, faults, enqueuedAt } = delivery
  return {
    message: { headers, properties, body: Buffer.from(body).toString('base64') },
    delivery: { queue, exchange, routingKey, faults, enqueuedAt: enqueuedAt ?? null },
    ...endToDict(end, limits),
    sent,
  }
}

function endToDict(end: SpooledEnd, limits: Limits): Dict {
  if (end.kind === 'record') return { meta: resultMetaToDict(end.meta) }
  return { replaced: { task_id: end.taskId, by: signatureToDict(end.by, limits) } }
}

/** Throws `TypeError` and `ProtocolError` for what `toLine` does not give: a file may be damaged, or of another version (M47). */
function fromLine(value: unknown, limits: Limits): SpoolEntry {
  const { message, delivery, meta, replaced, sent = [] } = recordOf(value, 'a line')
  return {
    message: messageOf(recordOf(message, 'message')),
    delivery: deliveryOf(recordOf(delivery, 'delivery')),
    end: replaced === undefined ? { kind: 'record', meta: resultMetaFromDict(meta) } : replacedOf(replaced, limits),
    sent: textsOf(sent, 'sent'),
  }
}

function replacedOf(value: unknown, limits: Limits): SpooledEnd {
  const { task_id: id, by } = recordOf(value, 'replaced')
  return { kind: 'replaced', taskId: taskId(textOf(id, 'task_id')), by: signatureFromDict(by, limits) }
}

function messageOf({ headers, properties, body }: Dict): Message {
  return {
    headers: recordOf(headers, 'headers'),
    properties: recordOf(properties, 'properties'),
    body: new Uint8Array(Buffer.from(textOf(body, 'body'), 'base64')),
  }
}

function deliveryOf({ queue, exchange, routingKey, faults, enqueuedAt }: Dict): DeliveryFacts {
  return {
    queue: queueName(textOf(queue, 'queue')),
    exchange: textOf(exchange, 'exchange'),
    routingKey: textOf(routingKey, 'routingKey'),
    faults: numberOf(faults, 'faults'),
    enqueuedAt: enqueuedAt === null ? undefined : numberOf(enqueuedAt, 'enqueuedAt'),
  }
}

function recordOf(value: unknown, what: string): Dict {
  if (isDict(value)) return value
  throw new TypeError(`${what} is not an object`)
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${what} is not text`)
}

function textsOf(value: unknown, what: string): readonly string[] {
  if (Array.isArray(value)) return value.map(item => textOf(item, what))
  throw new TypeError(`${what} is not a list`)
}

function numberOf(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new TypeError(`${what} is not a number`)
}
