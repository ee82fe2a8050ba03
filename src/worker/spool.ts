import type { Runtime } from '../lib/runtime.js'
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
      return fromLine(parseJson(line) as SpoolLine)
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

function fromLine(line: SpoolLine): SpoolEntry {
  if (line.kind === 'store') {
    return { kind: 'store', meta: resultMetaFromDict(line.meta), ttl: line.ttl ?? undefined }
  }
  const { headers, properties, body, notBefore, ...rest } = line.outgoing
  const message = { headers, properties, body: new Uint8Array(Buffer.from(body, 'base64')) }
  return { kind: 'publish', outgoing: { ...rest, message, notBefore: notBefore ?? undefined } }
}
