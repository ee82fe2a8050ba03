import type { EpochMs, Ms } from '../lib/time.js'
import { allSteps, type ChainSteps } from './chain-steps.js'
import type { Codec, Encoded } from './codec.js'
import { EncodeError } from './errors.js'
import { type GroupId, nameProblem, type TaskId, type TaskName } from './ids.js'
import { formatIso } from './iso8601.js'
import { DEFAULT_LIMITS, type Limits, MAX_RETRIES } from './limits.js'
import type { Headers, Message, Properties } from './message.js'
import { argsrepr, kwargsrepr } from './python-repr.js'
import { RawList } from './raw-list.js'
import type { Kwargs, Signature } from './signature.js'
import { SignatureWriter } from './signature-dict.js'
import { headersExceed } from './task-headers.js'

/** What to publish. All but `id` and `task` may be absent; absent and undefined are the same. */
export interface TaskCall {
  readonly id: TaskId
  readonly task: TaskName
  readonly args?: readonly unknown[] | undefined
  readonly kwargs?: Kwargs | undefined
  readonly eta?: EpochMs | undefined
  readonly expires?: EpochMs | undefined
  /** Default 0. */
  readonly retries?: number | undefined
  readonly timeLimit?: Ms | undefined
  readonly softTimeLimit?: Ms | undefined
  /** Default: `id`. */
  readonly rootId?: TaskId | undefined
  readonly parentId?: TaskId | undefined
  readonly group?: GroupId | undefined
  readonly groupIndex?: number | undefined
  readonly shadow?: string | undefined
  /** Node name of the sender, `gen<pid>@<host>` for a client. */
  readonly origin?: string | undefined
  /** Undefined is written as null: the task's own option decides. */
  readonly ignoreResult?: boolean | undefined
  /** Default 0. */
  readonly replacedTaskNesting?: number | undefined
  readonly stampedHeaders?: readonly string[] | undefined
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
  /** Custom headers, merged flat over Celery's own. */
  readonly headers?: Headers | undefined
  readonly callbacks?: readonly Signature[] | undefined
  readonly errbacks?: readonly Signature[] | undefined
  /** Reverse order: the last element runs next. */
  readonly chain?: ChainSteps | RawList | undefined
  readonly chord?: Signature | undefined
  /** Default `''`: nobody waits for an answer by message. */
  readonly replyTo?: string | undefined
  /** Default 0; null = no such property. */
  readonly priority?: number | null | undefined
  /** Default 2, persistent. */
  readonly deliveryMode?: number | undefined
  /** The broker drops the message after that long, whatever its `expires`. Ms, or their decimal text. */
  readonly expiration?: Ms | string | undefined
  /** Default: the codec's. */
  readonly serializer?: string | undefined
  readonly compression?: string | undefined
  /** Default: the arguments as Python prints them, cut at 1024 characters. */
  readonly argsrepr?: string | undefined
  readonly kwargsrepr?: string | undefined
  /** Default 2. */
  readonly protocol?: 1 | 2 | undefined
}

/**
 * The message of a call, as Celery would send it but for `lang: 'js'`. Throws `EncodeError` for what cannot be sent,
 * limits L05–L09 included. Source: celery/app/amqp.py `as_task_v2`, `as_task_v1`, `send_task_message`.
 */
export function encodeTask(call: TaskCall, codec: Codec, limits: Limits = DEFAULT_LIMITS): Message {
  check(call)
  return call.protocol === 1 ? encodeTask1(call, codec, limits) : encodeTask2(call, codec, limits)
}

/** What the three elements of a body are called in errors. */
export const BODY_PARTS: readonly string[] = ['args', 'kwargs', 'embed']

function encodeTask2(call: TaskCall, codec: Codec, limits: Limits): Message {
  const args = call.args ?? NO_ARGS
  const kwargs = call.kwargs ?? NO_KWARGS
  const writer = new SignatureWriter(limits)
  const embed = {
    callbacks: dicts(call.callbacks, writer),
    errbacks: dicts(call.errbacks, writer),
    chain: chainOf(call.chain, writer),
    chord: call.chord === undefined ? null : writer.write(call.chord),
  }
  const headers: Record<string, unknown> = {
    lang: 'js',
    task: call.task,
    id: call.id,
    shadow: call.shadow ?? null,
    eta: isoOf(call.eta, 'eta'),
    expires: isoOf(call.expires, 'expires'),
    group: call.group ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    timelimit: [seconds(call.timeLimit), seconds(call.softTimeLimit)],
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    argsrepr: call.argsrepr ?? argsrepr(args),
    kwargsrepr: call.kwargsrepr ?? kwargsrepr(kwargs),
    origin: call.origin ?? null,
    ignore_result: call.ignoreResult ?? null,
    replaced_task_nesting: call.replacedTaskNesting ?? 0,
    stamped_headers: call.stampedHeaders ?? null,
    stamps: call.stamps ?? NO_KWARGS,
    ...call.headers,
  }
  const { serializer, compression } = call
  const encoded = codec.encode([args, kwargs, embed], { serializer, compression, names: BODY_PARTS })
  return sealed(call, headers, encoded, limits)
}

/** The fields of a call are the members of the body. There is no chain: each next step is a callback of the one before it. */
function encodeTask1(call: TaskCall, codec: Codec, limits: Limits): Message {
  const writer = new SignatureWriter(limits)
  const body = {
    task: call.task,
    id: call.id,
    args: call.args ?? NO_ARGS,
    kwargs: call.kwargs ?? NO_KWARGS,
    group: call.group ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    eta: isoOf(call.eta, 'eta'),
    expires: isoOf(call.expires, 'expires'),
    utc: true,
    callbacks: dicts([...(call.callbacks ?? []), ...linked(allSteps(call.chain ?? []))], writer),
    errbacks: dicts(call.errbacks, writer),
    timelimit: [seconds(call.timeLimit), seconds(call.softTimeLimit)],
    taskset: call.group ?? null,
    chord: call.chord === undefined ? null : writer.write(call.chord),
  }
  return sealed(call, { ...call.headers }, codec.encode(body, call), limits)
}

/** Source: celery/canvas.py `_chain.prepare_steps` with `use_link`. */
function linked(chain: readonly Signature[]): readonly Signature[] {
  let next: Signature | undefined
  for (const step of chain) next = next === undefined ? step : withLink(step, next)
  return next === undefined ? [] : [next]
}

function withLink(step: Signature, next: Signature): Signature {
  const link = step.options['link'] ?? []
  return { ...step, options: { ...step.options, link: [...(Array.isArray(link) ? link : [link]), next] } }
}

function sealed(call: TaskCall, headers: Record<string, unknown>, encoded: Encoded, limits: Limits): Message {
  if (encoded.compression !== undefined) headers['compression'] = encoded.compression
  checkHeaders(headers, limits)
  const properties: Properties = {
    contentType: encoded.contentType,
    contentEncoding: encoded.contentEncoding,
    correlationId: call.id,
    replyTo: call.replyTo ?? '',
    deliveryMode: call.deliveryMode ?? 2,
    ...(call.priority === null ? undefined : { priority: call.priority ?? 0 }),
    ...(call.expiration === undefined ? undefined : { expiration: expirationOf(call.expiration) }),
  }
  return { headers, properties, body: encoded.body }
}

function check(call: TaskCall): void {
  const problem = nameProblem(call.id)
  if (problem !== undefined) throw new EncodeError('', `the task id ${problem} (L06)`)
  const nameFault = nameProblem(call.task)
  if (nameFault !== undefined) throw new EncodeError('', `the task name ${nameFault} (L06)`)
  const retries = call.retries ?? 0
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    throw new EncodeError('', `retries is ${retries}; it must be a whole number between 0 and ${MAX_RETRIES} (L09)`)
  }
}

function checkHeaders(headers: Headers, limits: Limits): void {
  const count = Object.keys(headers).length
  if (count > limits.headers) throw tooLarge(`there are ${count} headers; at most ${limits.headers} are allowed (L05)`)
  if (headersExceed(headers, limits))
    throw tooLarge(
      `the headers are larger than ${limits.headerBytes} bytes (L05), or nested deeper than ${limits.depth} levels (L04)`,
    )
}

function tooLarge(problem: string): EncodeError {
  return new EncodeError('', problem, { code: 'LVG_ENCODE_TOO_LARGE' })
}

const NO_ARGS: readonly unknown[] = Object.freeze([])
const NO_KWARGS: Kwargs = Object.freeze({})

function dicts(signatures: readonly Signature[] | undefined, writer: SignatureWriter): readonly unknown[] | null {
  return signatures === undefined || signatures.length === 0
    ? null
    : signatures.map(signature => writer.write(signature))
}

/** Steps kept as text stay so, unless they may be too many beside the other signatures of this message (L07). */
function chainOf(chain: TaskCall['chain'], writer: SignatureWriter): readonly unknown[] | RawList | null {
  if (chain instanceof RawList && writer.admits(chain)) return chain
  return dicts(chain === undefined ? chain : allSteps(chain), writer)
}

function isoOf(at: EpochMs | undefined, field: string): string | null {
  if (at === undefined) return null
  if (!Number.isFinite(at)) throw new EncodeError('', `${field} is ${at}, not a point in time (L08)`)
  try {
    return formatIso(at)
  } catch (cause) {
    throw new EncodeError('', `${field} lies outside the years 0001 to 9999 (L08)`, { cause })
  }
}

function seconds(ms: Ms | undefined): number | null {
  return ms === undefined ? null : ms / 1000
}

/** Decimal text of whole milliseconds; what is past is `'0'`. Source: celery/app/base.py `send_task`. */
function expirationOf(expiration: Ms | string): string {
  return typeof expiration === 'string' ? expiration : String(Math.max(0, Math.trunc(expiration)))
}
