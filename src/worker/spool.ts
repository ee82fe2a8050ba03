import type { Queue } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import { type Dict, isDict } from '../protocol/dict.js'
import { queueName } from '../protocol/ids.js'
import { parseJson, printJson } from '../protocol/json.js'
import { resultMetaFromDict, resultMetaToDict } from '../protocol/result-dict.js'
import type { Outgoing, SpoolEntry } from './perform.js'

/** Where lines survive this process (drivers/append-file.ts; in memory for tests). */
export interface LineStore {
  append(line: string): Promise<void>
  take(): Promise<readonly string[]>
  drop(): Promise<void>
}

export interface SpoolParts {
  readonly runtime: Runtime
  readonly lines: LineStore
  /** Does what the entry says; rejects when it is still not possible. */
  redo(entry: SpoolEntry): Promise<void>
}

/**
 * What early-acked tasks could not tell the world in time (D47): their message is gone, so the spool is the only place
 * that still knows. Entries are redone at the next start and whenever `drain` is called; each is kept until it worked.
 */
export class Spool {
  readonly #parts: SpoolParts

  constructor(parts: SpoolParts) {
    this.#parts = parts
  }

  async write(entry: SpoolEntry): Promise<void> {
    await this.#parts.lines.append(printJson(toLine(entry)))
  }

  /** Resolves to the number of entries redone. A line that cannot be read is logged and dropped. */
  async drain(): Promise<number> {
    const { lines, redo, runtime } = this.#parts
    const taken = await lines.take()
    const kept: SpoolEntry[] = []
    let redone = 0
    for (const line of taken) {
      const entry = this.#read(line)
      if (entry === undefined) continue
      try {
        await redo(entry)
        redone++
      } catch (error) {
        runtime.log.warning(`A spooled ${entry.kind} is still not possible: ${String(error)}`)
        kept.push(entry)
      }
    }
    for (const entry of kept) await this.write(entry)
    await lines.drop()
    return redone
  }

  #read(line: string): SpoolEntry | undefined {
    try {
      return fromLine(parseJson(line))
    } catch (error) {
      this.#parts.runtime.log.error(`A line of the spool cannot be read and is dropped: ${String(error)}`)
      return undefined
    }
  }
}

/** As it stands in the file: plain JSON values. */
type SpoolLine =
  | { readonly kind: 'store'; readonly meta: unknown; readonly ttl: number | null }
  | { readonly kind: 'publish'; readonly outgoing: OutgoingLine }

type OutgoingLine = Omit<Outgoing, 'message' | 'notBefore'> & {
  readonly notBefore: number | null
  readonly headers: Outgoing['message']['headers']
  readonly properties: Outgoing['message']['properties']
  /** base64 */
  readonly body: string
}

function toLine(entry: SpoolEntry): SpoolLine {
  if (entry.kind === 'store') return { kind: 'store', meta: resultMetaToDict(entry.meta), ttl: entry.ttl ?? null }
  const { message, notBefore, ...rest } = entry.outgoing
  const { headers, properties } = message
  const body = Buffer.from(message.body).toString('base64')
  return { kind: 'publish', outgoing: { ...rest, headers, properties, body, notBefore: notBefore ?? null } }
}

/** Throws `TypeError` and `ProtocolError` for what `toLine` does not give: a file may be damaged, or of another version (M47). */
function fromLine(value: unknown): SpoolEntry {
  const { kind, meta, ttl, outgoing } = recordOf(value, 'a line')
  if (kind === 'store') return { kind, meta: resultMetaFromDict(meta), ttl: timeOf(ttl, 'ttl') }
  if (kind === 'publish') return { kind, outgoing: outgoingOf(recordOf(outgoing, 'outgoing')) }
  throw new TypeError('its kind is neither store nor publish')
}

function outgoingOf({ queue, to, publishId, headers, properties, body, notBefore }: Dict): Outgoing {
  const { exchange, routingKey } = recordOf(to, 'to')
  return {
    message: {
      headers: recordOf(headers, 'headers'),
      properties: recordOf(properties, 'properties'),
      body: new Uint8Array(Buffer.from(textOf(body, 'body'), 'base64')),
    },
    queue: queue === undefined ? undefined : queueOf(recordOf(queue, 'queue')),
    to: { exchange: textOf(exchange, 'exchange'), routingKey: textOf(routingKey, 'routingKey') },
    publishId: textOf(publishId, 'publishId'),
    notBefore: timeOf(notBefore, 'notBefore'),
  }
}

/** Its other members are what the app declared; a broker refuses what it cannot declare. */
function queueOf(queue: Dict): Queue {
  return { ...queue, name: queueName(textOf(queue['name'], 'name')) }
}

function recordOf(value: unknown, what: string): Dict {
  if (isDict(value)) return value
  throw new TypeError(`${what} is not an object`)
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${what} is not text`)
}

function timeOf(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new TypeError(`${what} is not a number`)
}
