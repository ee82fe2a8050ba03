import { asBuffer } from '../lib/as-buffer.js'
import type { Codec } from './codec.js'
import { isDict } from './dict.js'
import { ProtocolError } from './errors.js'
import { nameProblem, type TaskId } from './ids.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import type { Signature } from './signature.js'
import { signatureFromDict, signatureToDict } from './signature-dict.js'

/** A task whose end is a part of a chord. */
export interface ChordEnd {
  readonly id: TaskId
  readonly index: number | undefined
}

/** What is kept with an open chord, so that anybody can end it (D72). Ours alone: JSON, one line and one for each later end. */
export interface ChordMemo {
  readonly body: Signature
  readonly rootId: TaskId | undefined
  readonly priority: number | undefined
  readonly ends: readonly ChordEnd[]
}

/** Throws `EncodeError`. */
export function encodeChordMemo(memo: ChordMemo, codec: Codec, limits: Limits = DEFAULT_LIMITS): string {
  const { body, rootId, priority, ends } = memo
  const line = {
    body: signatureToDict(body, limits),
    root: rootId ?? null,
    priority: priority ?? null,
    ends: ends.map(({ id, index }) => [id, index ?? null]),
  }
  const { body: bytes } = codec.encode(line, { serializer: 'json' })
  return asBuffer(bytes).toString('utf8')
}

/** Throws `ProtocolError`. */
export function decodeChordMemo(text: string, codec: Codec, limits: Limits = DEFAULT_LIMITS): ChordMemo {
  const [first = '', ...later] = text.split('\n')
  const read = parse(first, codec)
  if (!isDict(read) || !Array.isArray(read['ends'])) throw new ProtocolError('malformed', 'it is no memo of a chord')
  const { body, root, priority, ends } = read
  return {
    body: signatureFromDict(body, limits),
    rootId: nameProblem(root) === undefined ? (root as TaskId) : undefined,
    priority: typeof priority === 'number' ? priority : undefined,
    ends: [...(ends as readonly unknown[]), ...later.filter(Boolean).map(line => parse(line, codec))].map(readEnd),
  }
}

function parse(line: string, codec: Codec): unknown {
  const encoded = { contentType: 'application/json', contentEncoding: 'utf-8', compression: undefined }
  const decoded = codec.decode({ ...encoded, body: Buffer.from(line) })
  if (decoded.kind === 'value') return decoded.value
  throw new ProtocolError('malformed', `a chord's memo: ${decoded.detail}`)
}

function readEnd(value: unknown): ChordEnd {
  const [id, index]: readonly unknown[] = Array.isArray(value) ? value : []
  if (nameProblem(id) !== undefined) throw new ProtocolError('malformed', "a part in a chord's memo has no id")
  // nameProblem has seen that it is text.
  return { id: id as TaskId, index: typeof index === 'number' ? index : undefined }
}
