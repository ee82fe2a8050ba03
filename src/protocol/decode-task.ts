import { escapeText } from '../lib/escape-text.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { type ChainCut, cutChain } from './chain-cut.js'
import { KeptSteps } from './chain-steps.js'
import type { Codec, Decoded, Encoded } from './codec.js'
import type { DeadLetterReason } from './dead-letter.js'
import { type Dict, isAbsent, isDict } from './dict.js'
import { type GroupId, nameProblem, type TaskId, type TaskName } from './ids.js'
import { parseIso } from './iso8601.js'
import { parseJson } from './json.js'
import { DEFAULT_LIMITS, type Limits, MAX_RETRIES } from './limits.js'
import type { Message } from './message.js'
import { argsrepr, kwargsrepr } from './python-repr.js'
import type { TaskRequest } from './request.js'
import type { Kwargs, Signature } from './signature.js'
import { canvasProblem, lenientSignature } from './signature-dict.js'
import { customHeaders, headersExceed } from './task-headers.js'
import { LARGE_BODY, type Turn } from './turn.js'
import { msOfSeconds } from './wire-seconds.js'

export type DecodedTask = { readonly kind: 'task'; readonly request: TaskRequest } | MalformedTask

export interface MalformedTask {
  readonly kind: 'malformed'
  readonly reason: DeadLetterReason
  /** One line for the log: what is wrong, with a short escaped excerpt. */
  readonly detail: string
  /** As far as they could be read: with both, a failure can be stored. */
  readonly id: TaskId | undefined
  readonly task: string | undefined
}

export interface DecodeTaskOptions {
  readonly limits?: Limits
  /** Wall time: with it, eta and expires are held to L08, and a small number in `expires` is seconds from now. */
  readonly now?: EpochMs
  /** Whether arguments whose reprs the message lacks are shown; else `...` stands for them. Default true. */
  readonly reprs?: boolean
}

/**
 * Reads a task message of protocol 2, 1, or the hybrid of both (headers of 2, body of 1). Never throws: what a hostile
 * sender can cause is a value (M20–M37). A header `protocol` holding a number other than 1 and 2 marks a version we do not know.
 *
 * Sources: celery/worker/consumer/consumer.py `on_task_received`; celery/worker/strategy.py `hybrid_to_proto2`,
 * `proto1_to_proto2`; celery/worker/request.py `Request.__init__`.
 */
export function decodeTask(
  message: Message,
  codec: Pick<Codec, 'decode'>,
  options: DecodeTaskOptions = {},
): DecodedTask {
  return decode(message, sourceOf(message, options), codec, options)
}

function decode(
  message: Message,
  source: Source,
  codec: Pick<Codec, 'decode'>,
  options: DecodeTaskOptions,
): DecodedTask {
  const limits = options.limits ?? DEFAULT_LIMITS
  const { headers } = message
  try {
    checkHeaders(message, limits)
    const value = decodeBody(source.encoded, codec, false)
    const parts = isAbsent(headers['task']) ? protocol1(value) : protocol2(headers, value)
    return { kind: 'task', request: requestOf(message, parts, source, codec, limits, options) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { kind: 'malformed', reason: error.reason, detail: error.detail, ...named(headers, error.fields) }
  }
}

/** Where a request is read from. */
interface Source {
  readonly encoded: Encoded
  /** Steps of the chain that `encoded` is without. */
  readonly cut: ChainCut | undefined
}

function sourceOf(message: Message, { limits = DEFAULT_LIMITS }: DecodeTaskOptions): Source {
  const encoded = encodedBody(message)
  const isPlain = encoded.contentType === 'application/json' && encoded.compression === undefined
  const cut = isPlain ? cutChain(encoded.body, limits) : undefined
  return { encoded: cut === undefined ? encoded : { ...encoded, body: cut.body }, cut }
}

/** Whether a message is to be read with `decodeTaskInTurns`: its body is large, or nobody knows yet how large it is. */
export function isLarge({ body, headers }: Message): boolean {
  return body.length >= LARGE_BODY || !isAbsent(headers['compression'])
}

/** As `decodeTask`, with turns of the event loop in between, however large the body is (M12). */
export async function decodeTaskInTurns(
  message: Message,
  codec: Codec,
  turn: Turn,
  options: DecodeTaskOptions = {},
): Promise<DecodedTask> {
  const source = sourceOf(message, options)
  const { encoded } = source
  let reprs = true
  const counted: Turn = () => {
    // So large that showing its first arguments may be long work, too: V8 lists all keys before it gives the first.
    reprs = false
    return turn()
  }
  const plain = await codec.decodeInTurns(encoded, counted)
  let exact: Decoded | undefined
  // Whether the exact reading is needed is known when the plain one has been looked at.
  const read: Pick<Codec, 'decode'> = {
    decode: (_, wish) => {
      if (wish?.exact !== true) return plain
      if (exact === undefined) throw new ExactNeeded()
      return exact
    },
  }
  try {
    return decode(message, source, read, { ...options, reprs })
  } catch (error) {
    if (!(error instanceof ExactNeeded)) throw error
    exact = await codec.decodeInTurns(encoded, counted, { exact: true })
    return decode(message, source, read, { ...options, reprs })
  }
}

class ExactNeeded {}

/** Body of a message, with its compression, as the codec takes it. */
export function encodedBody(message: Message): Encoded {
  const { contentType, contentEncoding } = message.properties
  const compression = message.headers['compression']
  return {
    contentType: typeof contentType === 'string' ? contentType : '',
    contentEncoding: typeof contentEncoding === 'string' && contentEncoding !== '' ? contentEncoding : 'utf-8',
    compression: isAbsent(compression) || compression === '' ? undefined : methodOf(compression),
    body: message.body,
  }
}

/** What is no text names no method either; it may not even have a text, with a `toString` of its own. */
function methodOf(compression: unknown): string {
  return typeof compression === 'string' ? compression : `(a ${typeof compression})`
}

/** The two halves of a task message, whichever protocol carried them. */
interface Parts {
  readonly protocol: 1 | 2
  /** Where the fields with header names are: the headers, the body of protocol 1, or both merged. */
  readonly fields: Dict
  readonly args: unknown
  readonly kwargs: unknown
  readonly embed: unknown
  /** Finds the embed again in the body decoded exactly. */
  readonly embedIn: (body: unknown) => unknown
}

/** Thrown and caught in this file only: it ends the reading of one message. */
class Refusal {
  readonly reason: DeadLetterReason
  readonly detail: string
  /** What lies beyond the headers and may hold id and task. */
  readonly fields: Dict | undefined

  constructor(reason: DeadLetterReason, detail: string, fields?: Dict) {
    this.reason = reason
    this.detail = detail
    this.fields = fields
  }
}

function checkHeaders(message: Message, limits: Limits): void {
  const { headers } = message
  const count = Object.keys(headers).length
  if (count > limits.headers)
    throw new Refusal('too-large', `${count} headers; at most ${limits.headers} are allowed (L05)`)
  if (headersExceed(headers, limits)) {
    throw new Refusal(
      'too-large',
      `headers of more than ${limits.headerBytes} bytes (L05), or nested deeper than ${limits.depth} levels (L04)`,
    )
  }
  checkVersion(headers)
  const { priority } = message.properties
  if (!isAbsent(priority) && typeof priority !== 'number')
    throw malformed('property priority is not a number', priority)
}

function checkVersion(fields: Dict): void {
  const version = fields['protocol']
  if (typeof version !== 'number' || version === 1 || version === 2) return
  throw new Refusal('unsupported-version', `task protocol ${version}; 1 and 2 are understood`, fields)
}

function decodeBody(encoded: Encoded, codec: Pick<Codec, 'decode'>, exact: boolean): unknown {
  if (encoded.body.length === 0) throw new Refusal('malformed', 'the body is empty')
  const decoded = codec.decode(encoded, exact ? { exact } : undefined)
  if (decoded.kind === 'undecodable') throw new Refusal(decoded.reason, decoded.detail)
  return decoded.value
}

function protocol2(headers: Dict, body: unknown): Parts {
  if (isDict(body)) return hybrid(headers, body)
  if (!Array.isArray(body)) throw malformed('the body is not a list', body)
  if (body.length !== 3)
    throw new Refusal('malformed', `the body is a list of ${body.length}, not [args, kwargs, embed]`)
  const [args, kwargs, embed] = body as readonly unknown[]
  return { protocol: 2, fields: headers, args, kwargs, embed, embedIn: embedOf2 }
}

/** Source: celery/worker/strategy.py `hybrid_to_proto2`: the body's fields, headers laid over them. */
function hybrid(headers: Dict, body: Dict): Parts {
  if (!Object.hasOwn(body, 'args')) throw new Refusal('malformed', 'the body is an object without args')
  const fields: Record<string, unknown> = { ...legacyFields(body) }
  for (const name of Object.keys(headers)) if (!isAbsent(headers[name])) fields[name] = headers[name]
  return { protocol: 1, fields, args: body['args'], kwargs: body['kwargs'] ?? {}, embed: body, embedIn: embedOf1 }
}

/** Source: celery/worker/strategy.py `proto1_to_proto2`. */
function protocol1(body: unknown): Parts {
  if (!isDict(body)) throw malformed('no header task, and the body is no task message', body)
  checkVersion(body)
  if (isAbsent(body['task'])) throw new Refusal('malformed', 'no task in the headers nor in the body')
  const fields = legacyFields(body)
  return { protocol: 1, fields, args: body['args'] ?? [], kwargs: body['kwargs'] ?? {}, embed: body, embedIn: embedOf1 }
}

/** `taskset` is the older name of `group`, and wins when it is there. */
function legacyFields(body: Dict): Dict {
  return Object.hasOwn(body, 'taskset') ? { ...body, group: body['taskset'] } : body
}

function embedOf2(body: unknown): unknown {
  return (body as readonly unknown[])[2]
}

function embedOf1(body: unknown): unknown {
  return body
}

function requestOf(
  message: Message,
  parts: Parts,
  source: Source,
  codec: Pick<Codec, 'decode'>,
  limits: Limits,
  { now, reprs = true }: DecodeTaskOptions,
): TaskRequest {
  const { fields, protocol } = parts
  try {
    const id = nameOf(fields, 'id') as TaskId
    const task = nameOf(fields, 'task') as TaskName
    const args = argsOf(parts.args)
    const kwargs = kwargsOf(parts.kwargs)
    const [timeLimit, softTimeLimit] = limitsOf(fields['timelimit'])
    const canvas = canvasOf(parts, source, codec, limits)
    return {
      protocol,
      id,
      task,
      args,
      kwargs,
      lang: textOf(fields['lang']),
      shadow: textOf(fields['shadow']),
      eta: timeOf(fields, 'eta', limits, now),
      expires: timeOf(fields, 'expires', limits, now),
      retries: retriesOf(fields['retries']),
      timeLimit,
      softTimeLimit,
      rootId: (optionalName(fields, 'root_id') ?? id) as TaskId,
      parentId: optionalName(fields, 'parent_id') as TaskId | undefined,
      group: optionalName(fields, 'group') as GroupId | undefined,
      groupIndex: indexOf(fields['group_index']),
      argsrepr: textOf(fields['argsrepr']) ?? (reprs ? argsrepr(args) : '...'),
      kwargsrepr: textOf(fields['kwargsrepr']) ?? (reprs ? kwargsrepr(kwargs) : '...'),
      origin: textOf(fields['origin']),
      ignoreResult: typeof fields['ignore_result'] === 'boolean' ? fields['ignore_result'] : undefined,
      replacedTaskNesting: countOf(fields['replaced_task_nesting']),
      stampedHeaders: stampNames(fields['stamped_headers']),
      stamps: isDict(fields['stamps']) ? fields['stamps'] : NO_STAMPS,
      headers: customHeaders(message.headers),
      callbacks: canvas.callbacks,
      errbacks: canvas.errbacks,
      chain: source.cut === undefined ? canvas.chain : keptSteps(source.cut, limits),
      chord: canvas.chord,
      replyTo: textOf(message.properties.replyTo),
      correlationId: textOf(message.properties.correlationId),
      priority: priorityOf(message.properties.priority),
      message,
    }
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(error.reason, error.detail, fields) : error
  }
}

const NO_STAMPS: Dict = Object.freeze({})

function argsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed('args are not a list', value)
  return value
}

function kwargsOf(value: unknown): Kwargs {
  if (!isDict(value)) throw malformed('kwargs are not an object', value)
  return value
}

interface Embedded {
  readonly callbacks: readonly Signature[]
  readonly errbacks: readonly Signature[]
  readonly chain: readonly Signature[]
  readonly chord: Signature | undefined
}

const NO_SIGNATURES: readonly Signature[] = Object.freeze([])
const NO_CANVAS: Embedded = Object.freeze({
  callbacks: NO_SIGNATURES,
  errbacks: NO_SIGNATURES,
  chain: NO_SIGNATURES,
  chord: undefined,
})

/** Signatures are passed on, never computed with, so they are read again with exact numbers; most messages have none. */
function canvasOf(parts: Parts, { encoded }: Source, codec: Pick<Codec, 'decode'>, limits: Limits): Embedded {
  if (isAbsent(parts.embed)) return NO_CANVAS
  if (!isDict(parts.embed)) throw malformed('embed is not an object', parts.embed)
  if (!holdsSignatures(parts.embed)) return NO_CANVAS
  const embed = parts.embedIn(decodeBody(encoded, codec, true)) as Dict
  const callbacks = dictsOf(embed, 'callbacks')
  const errbacks = dictsOf(embed, 'errbacks')
  const chain = parts.protocol === 2 ? dictsOf(embed, 'chain') : []
  const chord = isAbsent(embed['chord']) ? [] : [embed['chord']]
  if (!chord.every(isDict)) throw malformed('chord is not a signature', chord[0])
  const problem = canvasProblem([...callbacks, ...errbacks, ...chain, ...chord], limits)
  if (problem !== undefined) throw new Refusal('malformed', `${problem} (L07)`)
  return {
    callbacks: callbacks.map(lenientSignature),
    errbacks: errbacks.map(lenientSignature),
    chain: chain.map(lenientSignature),
    chord: chord.map(lenientSignature)[0],
  }
}

/** The next step is read as all signatures are, the others when they come. */
function keptSteps({ next, later }: ChainCut, limits: Limits): KeptSteps {
  const step = parseJson(next, { exact: true, limits })
  if (!isDict(step)) throw malformed('chain hold something that is no signature', step)
  return new KeptSteps(lenientSignature(step), later)
}

function holdsSignatures(embed: Dict): boolean {
  return !(
    isNone(embed['callbacks']) &&
    isNone(embed['errbacks']) &&
    isNone(embed['chain']) &&
    isAbsent(embed['chord'])
  )
}

function isNone(value: unknown): boolean {
  return isAbsent(value) || (Array.isArray(value) && value.length === 0)
}

function dictsOf(embed: Dict, name: string): readonly Dict[] {
  const value = embed[name]
  if (isAbsent(value)) return []
  if (!Array.isArray(value)) throw malformed(`${name} are not a list`, value)
  for (const item of value) if (!isDict(item)) throw malformed(`${name} hold something that is no signature`, item)
  return value as readonly Dict[]
}

function nameOf(fields: Dict, field: string): string {
  const value = fields[field]
  const problem = isAbsent(value) ? 'is missing' : nameProblem(value)
  if (problem !== undefined) throw malformed(`${field} ${problem}`, value)
  return value as string
}

function optionalName(fields: Dict, field: string): string | undefined {
  return isAbsent(fields[field]) || fields[field] === '' ? undefined : nameOf(fields, field)
}

/** Texts that nobody computes with: what is not text is as good as missing. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** ISO text without zone is UTC. Brokers with typed headers may hand over a Date. */
function timeOf(fields: Dict, field: 'eta' | 'expires', limits: Limits, now: EpochMs | undefined): EpochMs | undefined {
  const value = fields[field]
  if (isAbsent(value)) return undefined
  if (field === 'expires' && isSpan(value, limits)) return now === undefined ? undefined : now + msOfSeconds(value)
  const at = field === 'expires' && typeof value === 'number' ? msOfSeconds(value) : instantOf(value)
  if (at === undefined || !Number.isFinite(at)) throw malformed(`${field} is not an ISO 8601 time`, value)
  if (now !== undefined && Math.abs(at - now) > limits.horizon) {
    throw malformed(`${field} is more than ${limits.horizon / 86_400_000} days from now (L08)`, value)
  }
  return at
}

/** A number of seconds within L08 counts from now, a larger one from 1970. */
function isSpan(value: unknown, limits: Limits): value is number {
  return typeof value === 'number' && Math.abs(value * 1000) <= limits.horizon
}

function instantOf(value: unknown): EpochMs | undefined {
  if (typeof value === 'string') return parseIso(value)
  return value instanceof Date ? value.getTime() : undefined
}

function retriesOf(value: unknown): number {
  if (isAbsent(value)) return 0
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_RETRIES) {
    throw malformed(`retries is not a whole number between 0 and ${MAX_RETRIES} (L09)`, value)
  }
  return value as number
}

/**
 * `[hard, soft]`, seconds or null; zero is none. Hard first.
 * Source: celery/app/amqp.py `as_task_v2` (the protocol page of the manual has it the other way round; the code wins).
 */
function limitsOf(value: unknown): readonly [Ms | undefined, Ms | undefined] {
  if (isAbsent(value)) return NO_LIMITS
  if (!Array.isArray(value) || value.length !== 2) throw malformed('timelimit is not a pair', value)
  if (isAbsent(value[0]) && isAbsent(value[1])) return NO_LIMITS
  const hard = limitOf(value[0])
  const soft = limitOf(value[1])
  if (hard !== undefined && soft !== undefined && hard < soft)
    throw malformed('the hard time limit is below the soft one', value)
  return [hard, soft]
}

const NO_LIMITS = [undefined, undefined] as const

function limitOf(value: unknown): Ms | undefined {
  if (isAbsent(value) || value === 0) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw malformed('a time limit is not a number of seconds', value)
  return msOfSeconds(value)
}

function indexOf(value: unknown): number | undefined {
  if (isAbsent(value)) return undefined
  const index = typeof value === 'bigint' ? Number(value) : value
  if (typeof index !== 'number' || Number.isNaN(index)) throw malformed('group_index is not a number', value)
  return index
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0
}

function stampNames(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter(name => typeof name === 'string') : undefined
}

/** AMQP's octet; brokers clamp further to what their queue knows. */
function priorityOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined
  return Math.min(255, Math.max(0, Math.trunc(value)))
}

function named(
  headers: Dict,
  fields: Dict | undefined,
): { readonly id: TaskId | undefined; readonly task: string | undefined } {
  return {
    id: valid(fields?.['id'] ?? headers['id']) as TaskId | undefined,
    task: valid(fields?.['task'] ?? headers['task']),
  }
}

function valid(name: unknown): string | undefined {
  return nameProblem(name) === undefined ? (name as string) : undefined
}

function malformed(problem: string, value: unknown): Refusal {
  return new Refusal('malformed', isAbsent(value) ? problem : `${problem}: ${excerpt(value)}`)
}

/** At most 256 escaped characters; no secrets are expected in what is not even a task. */
function excerpt(value: unknown): string {
  if (typeof value === 'string') return `'${escapeText(value, 256)}'`
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'object' ? 'an object' : escapeText(String(value), 256)
}
