import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inflateSync } from 'node:zlib'
import { allSteps } from '../../src/protocol/chain-steps.js'
import type { Codec } from '../../src/protocol/codec.js'
import { decodeTask, encodedBody } from '../../src/protocol/decode-task.js'
import { decodeGroup, decodeResult, encodeGroup, encodeResult } from '../../src/protocol/encode-result.js'
import { encodeRetry } from '../../src/protocol/encode-retry.js'
import { encodeTask, type TaskCall } from '../../src/protocol/encode-task.js'
import { EncodeError } from '../../src/protocol/errors.js'
import { decodeEvents, encodeEvent, encodeEvents } from '../../src/protocol/event-message.js'
import { parseIso } from '../../src/protocol/iso8601.js'
import { parseJson } from '../../src/protocol/json.js'
import type { Message } from '../../src/protocol/message.js'
import { unpickle } from '../../src/protocol/pickle.js'
import {
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from '../../src/protocol/pidbox.js'
import { pythonRepr } from '../../src/protocol/python-repr.js'
import type { TaskRequest } from '../../src/protocol/request.js'
import { exceptionFromWire, exceptionToDict } from '../../src/protocol/result-dict.js'
import { signatureFromDict, signatureToDict } from '../../src/protocol/signature-dict.js'
import { Tuple } from '../../src/protocol/values.js'
import { type Captured, captured } from '../support/captured.js'
import { paths, vector, vectors } from '../support/vectors.js'
import { CALLS, type Drawn } from './calls.js'
import { codecFor } from './codecs.js'

/*
 * Every vector of the bundle, read by the protocol room and, where it is ours to write, written again and compared member
 * by member with what Python wrote. Nothing is compared loosely but what these tables name.
 */

/** Headers in which a message of ours may differ from Python's for the same call, and how they are compared instead. */
const HEADER_DIFFERENCES: Readonly<Record<string, (ours: unknown, theirs: unknown) => boolean>> = {
  lang: (ours, theirs) => ours === 'js' && theirs === 'py',
  // Ours are UTC to the millisecond, theirs have six digits, any zone, or none.
  eta: sameInstant,
  expires: sameInstant,
  // A Python set: in any order.
  stamped_headers: sameNames,
}

/** Compressions that every Node reads and not every Node writes. */
const READ_ONLY: readonly unknown[] = ['application/x-bz2', 'application/x-lzma', 'application/zstd']

/** Headers that Celery writes since 5.3: we always do. */
const NEWER_HEADERS = new Set(['replaced_task_nesting', 'stamped_headers', 'stamps'])

/** What a retry of ours keeps or drops where Python does not. */
const RETRY_DIFFERENCES: Readonly<Record<string, string>> = {
  eta: 'the attempt gives it',
  parent_id: 'Python puts the task itself where there was none',
  ignore_result: 'Python writes its task option; null means the same to whoever runs it',
  origin: 'Celery 5.2 puts itself there; later versions keep it, as we do',
}

/** Bodies that are no tasks, by why. Everything else on a task queue must decode. */
const NO_TASKS: Readonly<Record<string, string>> = {
  '{"hello": "world"}': 'malformed',
  '\ufffd\ufffd': 'disallowed-content',
}

/** Vectors in which Python itself refused: there is no message. The beginning of its error. */
const REFUSED: Readonly<Record<string, string>> = {
  'celery-5.2.6/messages/*/args_bytes.json': 'kombu.exceptions.EncodeError: Object of type bytes',
  'celery-5.2.6/messages/*/args_bytes_utf8.json': 'kombu.exceptions.EncodeError: Object of type bytes',
  'celery-5.2.6/messages/*/args_object.json': 'kombu.exceptions.EncodeError: Object of type object',
  'celery-5.2.6/messages/*/args_set.json': 'kombu.exceptions.EncodeError: Object of type set',
  'celery-5.2.6/messages/*/args_timedelta.json': 'kombu.exceptions.EncodeError: Object of type timedelta',
  'celery-5.2.6/messages/*/expires_string.json': "builtins.TypeError: '<' not supported",
  'celery-5.6.2/messages/*/args_object.json': 'kombu.exceptions.EncodeError: Object of type object',
  'celery-5.6.2/messages/*/args_set.json': 'kombu.exceptions.EncodeError: Object of type set',
  'celery-5.6.2/messages/*/args_timedelta.json': 'kombu.exceptions.EncodeError: Object of type timedelta',
  'celery-5.6.2/messages/*/compression_zstd.json': "builtins.KeyError: 'zstd'",
  'celery-5.6.2/messages/*/stamped_task_none.json': "builtins.KeyError: 'stamp'",
  'rq-*/json/unsupported_argument.json': 'TypeError: Object of type date',
}

/** Vectors that hold no message and no stored result, and why. */
const EMPTY: Readonly<Record<string, string>> = {
  'celery-*/messages/redis/routing_fanout.json': 'PUBLISH to nobody: the capture has only the commands around it',
  'celery-*/layout/*/worker_topology.json': 'declarations and bindings only',
  'celery-*/layout/amqp/worker_native_delayed.json': 'declarations and bindings only',
  'celery-*/results/*/PENDING.json': 'nothing is stored for a task that never ran',
  'celery-*/results/*/ignore_result.json': 'nothing is stored for an ignored result',
  'celery-*/results/*/ignore_result_failure.json': 'nothing is stored for an ignored failure',
  'celery-*/results/*/SUCCESS_none.json': 'the SQL backends leave the column of None empty',
  'celery-*/results/*/RETRY_no_exception.json': 'the SQL backends leave the column of None empty',
  'rq-*/*/worker_suspended.json': 'no job: only the keys that suspend workers',
}

/** Vectors that a test has compared something of. */
const used = new Set<string>()

describe('vectors of Celery', () => {
  for (const folder of folders()) {
    it(`${folder}: what Python wrote is read, and written again the same`, () => {
      let compared = 0
      for (const { path, vector } of vectors(`${folder}/`)) {
        for (const piece of captured(vector)) {
          checkPiece(piece, path)
          used.add(path)
          compared++
        }
      }
      assert.ok(compared > 0, `${folder} holds nothing to compare`)
    })
  }

  it('the same calls, made by us, are the messages that Python published', () => {
    let compared = 0
    for (const [scenario, calls] of Object.entries(CALLS)) {
      for (const path of paths('celery-').filter(
        path => path.includes('/messages/') && path.endsWith(`/${scenario}.json`) && isComparable(path),
      )) {
        const messages = tasksOf(path)
        assert.equal(messages.length, calls.length, `${path}: as many messages as calls`)
        for (const [i, message] of messages.entries()) {
          const drawn = drawnFrom(message, codecFor(path, message))
          const call = calls[i]?.(drawn) ?? assert.fail()
          compareTask(
            { ignoreResult: false, replyTo: drawn.replyTo, origin: drawn.origin, ...call, id: drawn.id } as TaskCall,
            message,
            path,
            DISPLAY_ONLY.has(scenario),
          )
          compared++
        }
      }
    }
    assert.ok(compared >= 180, `${compared} messages were compared`)
  })

  it('a retry of ours is the retry that Python published', () => {
    let compared = 0
    for (const path of paths('celery-').filter(path => /\/worker\/.*(retry|retries|link|auto)/.test(path))) {
      const requests = tasksOf(path).map(message => ({ message, request: requestOf(message, codecFor(path, message)) }))
      for (const { message, request } of requests) {
        const next = requests.find(
          other => other.request.id === request.id && other.request.retries === request.retries + 1,
        )
        if (next === undefined) continue
        compareRetry(request, message, next.message, path)
        compared++
      }
    }
    assert.ok(compared >= 20, `${compared} retries were compared`)
  })

  it('signatures of every type survive as they are', () => {
    for (const { path, vector } of vectors('celery-').filter(({ path }) => path.endsWith('/signature_json.json'))) {
      const { sigs } = vector.client_returned
      assert.equal(sigs.length, 13, path)
      for (const dict of sigs) assert.deepEqual(signatureToDict(signatureFromDict(dict)), dict, path)
      used.add(path)
    }
  })

  it('rows of the SQL backends hold the exceptions and values that other backends store as JSON', () => {
    for (const path of paths('celery-').filter(path => /\/results\/(sqlite|postgresql)\//.test(path))) {
      const { default: plain, extended } = vector(path)
      for (const row of [plain?.row, extended?.row].filter(row => row?.result?.base64 !== undefined)) {
        checkRow(row, path)
        used.add(path)
      }
    }
  })

  it('saved groups of the SQL backends are pickled objects, which are refused', () => {
    for (const path of paths('celery-').filter(path => path.endsWith('/SCHEMA.json'))) {
      const { default: plain, extended } = vector(path)
      const rows = [...plain.celery_tasksetmeta_rows, ...extended.celery_tasksetmeta_rows]
      assert.ok(rows.length > 0, path)
      for (const row of rows) assert.throws(() => unpickle(Buffer.from(row.result.base64, 'base64')), /ProtocolError/)
      used.add(path)
    }
  })
})

describe('vectors of RQ', () => {
  for (const folder of ['rq-1.13.0/default_pickle', 'rq-1.13.0/json', 'rq-2.10.0/default_pickle', 'rq-2.10.0/json']) {
    it(`${folder}: jobs, results and metadata read as the capture says they do`, () => {
      let compared = 0
      for (const { path, vector } of vectors(`${folder}/`)) {
        for (const field of rqFields(vector.redis)) {
          checkRqField(field, path)
          used.add(path)
          compared++
        }
      }
      assert.ok(compared >= 50, `${folder}: ${compared} fields were compared`)
    })
  }
})

describe('the bundle', () => {
  it('holds 1496 vectors, and none was left unused but the empty and the refused', () => {
    const all = paths().filter(path => path.endsWith('.json'))
    assert.equal(all.length, 1496)
    const unexplained = all.filter(path => !used.has(path) && !explainedBy(REFUSED, path) && !explainedBy(EMPTY, path))
    assert.deepEqual(unexplained, [])
  })

  it('records for each call that Python refused the error it refused it with', () => {
    const refused = vectors('').filter(
      ({ vector }) => vector.client_error !== undefined && (vector.messages ?? []).length === 0,
    )
    assert.equal(refused.length, 24)
    for (const { path, vector } of refused) {
      const error = explainedBy(REFUSED, path)
      assert.ok(error !== undefined && vector.client_error.startsWith(error), `${path}: ${vector.client_error}`)
    }
  })

  it('explains nothing that needs no explanation', () => {
    for (const pattern of [...Object.keys(REFUSED), ...Object.keys(EMPTY)]) {
      const matching = paths().filter(path => matches(pattern, path) && !used.has(path))
      assert.ok(matching.length > 0, `'${pattern}' explains no unused vector`)
    }
  })
})

function folders(): readonly string[] {
  const names = new Set(paths('celery-').map(path => path.split('/').slice(0, 3).join('/')))
  return [...names].filter(name => !/results\/(sqlite|postgresql)/.test(name))
}

function checkPiece(piece: Captured, path: string): void {
  if (piece.kind === 'message') {
    const codec = codecFor(path, piece.message)
    checkFor(piece.message, piece.exchange, codec)(piece.message, path, codec)
  } else if (piece.kind === 'result') checkResult(Buffer.from(piece.text), path, codecFor(path))
  else if (piece.kind === 'group') checkGroup(piece.text, path, codecFor(path))
  else checkPart(piece.text, path)
}

function checkFor(
  message: Message,
  exchange: string,
  codec: Codec,
): (message: Message, path: string, codec: Codec) => void {
  if (exchange === 'celeryev') return checkEvents
  if (exchange.startsWith('reply.')) return checkReply
  if (exchange.endsWith('.pidbox')) return checkRequest
  if (isRpcResult(message, codec)) return (message, path, codec) => checkResult(message.body, path, codec, message)
  return checkTask
}

function isRpcResult(message: Message, codec: Codec): boolean {
  if (Object.keys(message.headers).length > 0) return false
  const decoded = codec.decode(encodedBody(message))
  if (decoded.kind === 'undecodable') return message.properties.contentType === 'application/x-python-serialize'
  return typeof decoded.value === 'object' && decoded.value !== null && 'status' in decoded.value
}

function checkMalformed(message: Message, reason: string, path: string, codec: Codec): void {
  const decoded = decodeTask(message, codec)
  assert.equal(decoded.kind === 'malformed' ? decoded.reason : 'a task', reason, path)
}

function checkTask(message: Message, path: string, codec: Codec): void {
  const refusal = refusalOf(message, path)
  if (refusal !== undefined) {
    checkMalformed(message, refusal, path, codec)
    return
  }
  if (message.properties.contentType === 'application/x-python-serialize') checkPickledTask(message, path, codec)
  else checkReadableTask(message, path, codec)
}

/** Why a message on a task queue is not accepted, where it should not be: the signatures before 5.5 are not read. */
function refusalOf(message: Message, path: string): string | undefined {
  if (path.includes('content_type_refused') && message.properties.contentType !== 'application/json')
    return 'disallowed-content'
  if (message.properties.contentType === 'application/data' && path.startsWith('celery-5.2')) return 'bad-signature'
  return NO_TASKS[Buffer.from(message.body).toString()]
}

function checkReadableTask(message: Message, path: string, codec: Codec): void {
  const request = requestOf(message, codec)
  if (/args_float_special/.test(path)) {
    assert.throws(
      () => encodeTask(callOf(request), codec),
      EncodeError,
      `${path}: NaN and infinities are read, never written`,
    )
    return
  }
  compareTask(callOf(request), message, path, false)
}

/** Pickled bodies are never accepted as tasks (S01). That their data is understood shows in the arguments' repr. */
function checkPickledTask(message: Message, path: string, codec: Codec): void {
  checkMalformed(message, 'disallowed-content', path, codec)
  const body = unpickle(message.body) as readonly unknown[]
  assert.equal(body.length, 3, path)
  assert.ok(Array.isArray(body[0]), path)
  assert.deepEqual(body[2], { callbacks: null, errbacks: null, chain: null, chord: null }, path)
}

function requestOf(message: Message, codec: Codec): TaskRequest {
  const decoded = decodeTask(message, codec)
  if (decoded.kind === 'malformed') assert.fail(`${decoded.reason}: ${decoded.detail}`)
  return decoded.request
}

/** What a client would have called to get this request. */
function callOf(request: TaskRequest): TaskCall {
  const { contentType, priority, deliveryMode, expiration } = request.message.properties
  const { compression } = request.message.headers
  return {
    ...request,
    serializer: contentType,
    compression: typeof compression === 'string' && !READ_ONLY.includes(compression) ? compression : undefined,
    priority: priority ?? null,
    deliveryMode,
    expiration,
  }
}

function compareTask(call: TaskCall, theirs: Message, path: string, displayOnly: boolean): void {
  const codec = codecFor(path, theirs)
  const ours = encodeTask(call, codec)
  const difference = displayOnly ? { argsrepr: bothTexts, kwargsrepr: bothTexts } : {}
  compareHeaders(ours.headers, theirs.headers, { ...HEADER_DIFFERENCES, ...difference }, path)
  const { appId, ...properties } = theirs.properties
  assert.deepEqual(ours.properties, properties, `${path}: properties`)
  compareBodies(ours, theirs, path)
}

function compareHeaders(
  ours: Message['headers'],
  theirs: Message['headers'],
  differences: Readonly<Record<string, (ours: unknown, theirs: unknown) => boolean>>,
  path: string,
): void {
  for (const [name, value] of Object.entries(theirs)) {
    if (name === 'redelivered' || READ_ONLY.includes(value)) continue
    const same = differences[name]
    if (same === undefined) assert.deepEqual(ours[name], value, `${path}: header ${name}`)
    else assert.ok(same(ours[name], value), `${path}: header ${name}: ${ours[name]} for ${value}`)
  }
  const added = Object.keys(ours).filter(name => !Object.hasOwn(theirs, name) && !NEWER_HEADERS.has(name))
  assert.deepEqual(added, [], `${path}: headers that Python did not write`)
  const order = Object.keys(ours).filter(name => Object.hasOwn(theirs, name))
  assert.deepEqual(
    order,
    Object.keys(theirs).filter(name => name !== 'redelivered' && !READ_ONLY.includes(theirs[name])),
    `${path}: order of headers`,
  )
}

/** Equal as values, and exactly equal in what is passed on: the embed, and everything of protocol 1 but args and kwargs. */
function compareBodies(ours: Message, theirs: Message, path: string): void {
  const codec = codecFor(path, theirs)
  const [our, their] = [ours, theirs].map(message => normalBody(bodyOf(message, codec, false)))
  assert.deepEqual(our, their, `${path}: body`)
  const [ourExact, theirExact] = [ours, theirs].map(message => bodyOf(message, codec, true))
  if (!Array.isArray(theirExact)) return
  assert.deepEqual(normalEmbed((ourExact as unknown[])[2]), normalEmbed(theirExact[2]), `${path}: embed`)
}

function bodyOf(message: Message, codec: Codec, exact: boolean): unknown {
  const decoded = codec.decode(encodedBody(message), { exact })
  return decoded.kind === 'value' ? decoded.value : assert.fail(decoded.detail)
}

/** Times of protocol 1 stand in the body. */
function normalBody(body: unknown): unknown {
  if (Array.isArray(body)) return [body[0], body[1], normalEmbed(body[2])]
  const { eta, expires } = body as { readonly eta?: unknown; readonly expires?: unknown }
  return { ...(body as object), eta: instant(eta), expires: instant(expires) }
}

/** The last step of a chain says `chain: []` in Python, and `null` in ours: nothing follows. */
function normalEmbed(embed: unknown): unknown {
  const { chain } = embed as { readonly chain: unknown }
  return { ...(embed as object), chain: Array.isArray(chain) && chain.length === 0 ? null : chain }
}

function sameInstant(ours: unknown, theirs: unknown): boolean {
  if (theirs === null) return ours === null
  return typeof ours === 'string' && ours.endsWith('+00:00') && instant(ours) === instant(theirs)
}

function sameNames(ours: unknown, theirs: unknown): boolean {
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return ours === theirs
  return [...ours].sort().join('\n') === [...theirs].sort().join('\n')
}

function instant(text: unknown): number | undefined {
  return typeof text === 'string' ? parseIso(text) : undefined
}

function bothTexts(ours: unknown, theirs: unknown): boolean {
  return typeof ours === 'string' && typeof theirs === 'string'
}

function compareRetry(request: TaskRequest, original: Message, theirs: Message, path: string): void {
  const codec = codecFor(path, theirs)
  const eta = parseIso(String(theirs.headers['eta'])) ?? assert.fail(path)
  const ours = encodeRetry(request, { retries: request.retries + 1, eta }, codec)
  for (const [name, value] of Object.entries(theirs.headers)) {
    if (RETRY_DIFFERENCES[name] === undefined) assert.deepEqual(ours.headers[name], value, `${path}: header ${name}`)
  }
  assert.ok(sameInstant(ours.headers['eta'], theirs.headers['eta']), path)
  assert.equal(ours.headers['parent_id'], original.headers['parent_id'], path)
  assert.equal(ours.headers['ignore_result'], null, path)
  assert.deepEqual(Object.keys(ours.headers), Object.keys(original.headers), path)
  assert.equal(ours.body, original.body, `${path}: the body is the very same`)
  // Python counts the TTL anew; the header `expires`, which decides, is the same.
  const { expiration, ...properties } = theirs.properties
  assert.deepEqual({ ...ours.properties, expiration: undefined }, { ...properties, expiration: undefined }, path)
  assert.deepEqual(bodyOf(ours, codec, true), bodyOf(theirs, codec, true), path)
}

function checkEvents(message: Message, path: string, codec: Codec): void {
  const { events, dropped, detail } = decodeEvents(message, codec)
  assert.equal(dropped, 0, `${path}: ${detail}`)
  const [first, ...others] = events
  if (first === undefined) assert.fail(`${path}: no event`)
  const isList = Array.isArray(bodyOf(message, codec, false))
  const ours = isList ? encodeEvents([first, ...others], codec) : encodeEvent(first, codec)
  assert.deepEqual(ours.headers, message.headers, path)
  assert.deepEqual(ours.properties, message.properties, path)
  const [our, their] = [ours, message].map(side => [bodyOf(side, codec, false)].flat() as Record<string, unknown>[])
  for (const [i, theirs] of (their ?? []).entries()) compareEvent(our?.[i] ?? {}, theirs, path)
}

/** Spans and times are ms on our side, so a float may come back a rounding error away. */
function compareEvent(
  ours: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
  path: string,
): void {
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(theirs).sort(), `${path}: members of ${theirs['type']}`)
  for (const [name, value] of Object.entries(theirs)) {
    if (name !== 'timestamp' && name !== 'runtime') assert.deepEqual(ours[name], value, `${path}: ${name}`)
    else assert.ok(Math.abs(Number(ours[name]) - Number(value)) < 1e-6, `${path}: ${name}`)
  }
}

function checkRequest(message: Message, path: string, codec: Codec): void {
  const decoded = decodeControlRequest(message, codec)
  if (decoded.kind === 'malformed') assert.fail(`${path}: ${decoded.detail}`)
  compareControl(() => encodeControlRequest(decoded.request, codec), message, path, codec)
}

function checkReply(message: Message, path: string, codec: Codec): void {
  const decoded = decodeControlReply(message, codec)
  if (decoded.kind === 'malformed') assert.fail(`${path}: ${decoded.detail}`)
  compareControl(() => encodeControlReply(decoded.reply, codec), message, path, codec)
}

function compareControl(encode: () => Message, theirs: Message, path: string, codec: Codec): void {
  // Settings of Python among them: infinity is read, never written.
  if (/\bInfinity\b/.test(Buffer.from(theirs.body).toString())) {
    assert.throws(encode, EncodeError, path)
    return
  }
  const ours = encode()
  const { expires = 0, ...headers } = ours.headers
  const { expires: theirExpires = 0, ...theirHeaders } = theirs.headers
  assert.deepEqual(headers, theirHeaders, path)
  assert.ok(Math.abs(Number(expires) - Number(theirExpires)) < 1e-6, `${path}: expires`)
  assert.deepEqual(ours.properties, theirs.properties, path)
  const [our, their] = [ours, theirs].map(side => bodyOf(side, codec, false))
  assert.deepEqual(our, their, path)
  assert.deepEqual(Object.keys(our as object), Object.keys(their as object), `${path}: order of members`)
}

/** RPC replies of other serializers say so in their content type; stored ones do not. */
function checkResult(body: Uint8Array, path: string, codec: Codec, message?: Message): void {
  const serializer = message === undefined ? 'json' : serializerOf(message)
  if (serializer === 'pickle') checkPickledResult(body, path)
  else checkReadableResult(body, path, codec, serializer)
}

function checkReadableResult(body: Uint8Array, path: string, codec: Codec, serializer: string): void {
  const meta = decodeResult(body, codec, { serializer })
  const text = Buffer.from(body).toString()
  if (/\b(?:NaN|Infinity)\b/.test(text)) {
    assert.throws(() => encodeResult(meta, codec, { serializer }), EncodeError, path)
    return
  }
  const again = encodeResult(meta, codec, { serializer })
  const [ours, theirs] = [again, body].map(bytes => resultValue(bytes, codec, serializer))
  // Celery 5.2 leaves date_done out of what it sends by message.
  const { date_done: added, ...rest } = ours as Record<string, unknown>
  const expected = theirs as Record<string, unknown>
  assert.deepEqual('date_done' in expected ? ours : rest, expected, path)
  if (!('date_done' in expected)) assert.equal(added, null, path)
  else if (serializer === 'json')
    assert.deepEqual(Object.keys(ours as object), Object.keys(expected), `${path}: order of members`)
}

function checkPickledResult(body: Uint8Array, path: string): void {
  const meta = unpickle(body) as Record<string, unknown>
  assert.equal(meta['status'], 'SUCCESS', path)
}

function serializerOf(message: Message): string {
  const subtype = message.properties.contentType?.replace('application/', '').replace('x-', '') ?? ''
  return subtype === 'python-serialize' ? 'pickle' : subtype
}

function resultValue(bytes: Uint8Array, codec: Codec, serializer: string): unknown {
  const types: Readonly<Record<string, string>> = { json: 'json', yaml: 'x-yaml', msgpack: 'x-msgpack' }
  const decoded = codec.decode({
    contentType: `application/${types[serializer]}`,
    contentEncoding: serializer === 'msgpack' ? 'binary' : 'utf-8',
    compression: undefined,
    body: bytes,
  })
  return decoded.kind === 'value' ? decoded.value : assert.fail(decoded.detail)
}

function checkGroup(text: string, path: string, codec: Codec): void {
  const group = decodeGroup(Buffer.from(text), codec)
  assert.deepEqual(parseJson(Buffer.from(encodeGroup(group, codec)).toString()), parseJson(text), path)
}

/** `[1, id, state, value or exception]`. */
function checkPart(text: string, path: string): void {
  const [constant, id, state, value] = parseJson(text) as readonly unknown[]
  assert.equal(constant, 1, path)
  assert.equal(typeof id, 'string', path)
  assert.ok(state === 'SUCCESS' || state === 'FAILURE' || state === 'REVOKED', `${path}: ${state}`)
  if (state !== 'SUCCESS') assert.deepEqual(exceptionToDict(exceptionFromWire(value) ?? assert.fail(path)), value, path)
}

interface Row {
  readonly status: string
  readonly result: { readonly base64: string; readonly repr: string }
}

function checkRow(row: Row, path: string): void {
  const bytes = Buffer.from(row.result.base64, 'base64')
  // Objects that only Python can rebuild: the exit of a process, a bare `object()`.
  if (/^(SystemExit\(|<object object)/.test(row.result.repr)) {
    assert.throws(() => unpickle(bytes), /only pickles of plain data/, path)
    return
  }
  const value = unpickle(bytes)
  if (!['FAILURE', 'REVOKED', 'RETRY'].includes(row.status) || value === null) {
    assert.equal(fullRepr(unpickle(bytes, { tuples: true })), withoutMicroseconds(row.result.repr), path)
    return
  }
  const error = exceptionFromWire(value) ?? assert.fail(path)
  assert.deepEqual(exceptionToDict(error), value, path)
  assert.ok(row.result.repr.includes(`'exc_type': '${error.type}'`), path)
}

/** An aware datetime is a Date here, which ends at the millisecond. */
function withoutMicroseconds(repr: string): string {
  return repr.replace(/(\d{3})\d{3}(?=, tzinfo)/, '$1000')
}

interface RqField {
  readonly bytes: Buffer
  readonly aid: { readonly zlib: boolean; readonly pickle_repr?: string; readonly text?: string }
}

type Dump = Readonly<Record<string, RqKey>>

type RqKey =
  | {
      readonly type: 'hash'
      readonly value: Readonly<Record<string, { readonly base64: string }>>
      readonly decoded?: Aids
    }
  | {
      readonly type: 'stream'
      readonly value: readonly (readonly [string, Readonly<Record<string, string>>])[]
      readonly decoded?: Aids
    }

type Aids = Readonly<Record<string, RqField['aid']>>

/** Fields of hashes are bytes; those of streams, named `<entry id> <field>` in the aid, base64 text. */
function rqFields(dumps: Readonly<Record<string, Dump>>): readonly RqField[] {
  return Object.values(dumps)
    .flatMap(dump => Object.values(dump))
    .flatMap(key => Object.entries(key.decoded ?? {}).map(([name, aid]) => ({ aid, bytes: rqBytes(key, name) })))
}

function rqBytes(key: RqKey, name: string): Buffer {
  if (key.type === 'hash') return Buffer.from(key.value[name]?.base64 ?? assert.fail(name), 'base64')
  const [id, field = ''] = name.split(' ')
  const entry = key.value.find(([entryId]) => entryId === id) ?? assert.fail(name)
  return Buffer.from(entry[1][field] ?? assert.fail(name), 'base64')
}

function checkRqField({ bytes, aid }: RqField, path: string): void {
  const plain = aid.zlib ? inflateSync(bytes) : bytes
  if (aid.pickle_repr !== undefined) {
    assert.equal(fullRepr(unpickle(plain, { tuples: true })), aid.pickle_repr, path)
    return
  }
  const text = plain.toString()
  assert.equal(text, aid.text, path)
  if (/^[[{"\d]/.test(text)) assert.deepEqual(parseJson(text), JSON.parse(aid.text ?? ''), path)
}

/** `pythonRepr` shows three levels; the reading aids show all. */
function fullRepr(value: unknown): string {
  if (value instanceof Tuple) {
    return `(${value.items.map(fullRepr).join(', ')}${value.items.length === 1 ? ',' : ''})`
  }
  if (value instanceof Uint8Array) return bytesRepr(value)
  if (typeof value === 'string') return pythonRepr(value).replaceAll('\0', '\\x00').replaceAll('\u2028', '\\u2028')
  if (Array.isArray(value)) return `[${value.map(fullRepr).join(', ')}]`
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return pythonRepr(value)
  }
  return `{${Object.entries(value)
    .map(([key, member]) => `${pythonRepr(key)}: ${fullRepr(member)}`)
    .join(', ')}}`
}

function bytesRepr(bytes: Uint8Array): string {
  const shown = Array.from(bytes, byte =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  )
  return `b'${shown.join('')}'`
}

/** Scenarios whose arguments Python prints in a way of its own: zones by name, tuples within other values. */
const DISPLAY_ONLY: ReadonlySet<string> = new Set(['args_datetime', 'args_nested', 'xmap', 'xstarmap'])

/** Celery 5.2 knows no tagged values, says less about groups and chords, and sent nothing where it refused. */
function isComparable(path: string): boolean {
  const isTagged = /args_(datetime|uuid|decimal|bytes)/.test(path)
  const isIndexed = /\/group\d|\/group_(with|of)|chord/.test(path)
  return explainedBy(REFUSED, path) === undefined && !((isTagged || isIndexed) && path.startsWith('celery-5.2'))
}

function tasksOf(path: string): readonly Message[] {
  return captured(vector(path))
    .flatMap(piece => (piece.kind === 'message' && !/celeryev|pidbox/.test(piece.exchange) ? [piece.message] : []))
    .filter(message => 'task' in message.headers || path.includes('protocol1'))
}

function drawnFrom(message: Message, codec: Codec): Drawn {
  const request = requestOf(message, codec)
  const linked = request.callbacks.flatMap(({ options }) => [options, ...(optionsOf(options['link']) ?? [])])
  const options = [
    ...allSteps(request.chain).map(step => step.options),
    ...(request.chord ? [request.chord.options] : []),
    ...linked,
  ]
  return {
    id: request.id,
    group: request.group ?? null,
    replyTo: message.properties.replyTo ?? '',
    origin: request.origin,
    priority: message.properties.priority ?? null,
    eta: request.eta,
    expires: request.expires,
    taskIds: options.map(({ task_id }) => String(task_id)),
  }
}

function optionsOf(link: unknown): readonly Readonly<Record<string, unknown>>[] | undefined {
  return Array.isArray(link) ? link.map(({ options }) => options) : undefined
}

function explainedBy(table: Readonly<Record<string, string>>, path: string): string | undefined {
  return Object.entries(table).find(([pattern]) => matches(pattern, path))?.[1]
}

function matches(pattern: string, path: string): boolean {
  return new RegExp(
    `^${pattern
      .split('*')
      .map(part => part.replace(/[.+]/g, '\\$&'))
      .join('[^/]*')}$`,
  ).test(path)
}
