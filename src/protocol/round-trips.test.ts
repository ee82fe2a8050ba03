import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { allSteps } from './chain-steps.js'
import type { ClusterEvent } from './cluster-event.js'
import { createCodec } from './create-codec.js'
import { decodeTask } from './decode-task.js'
import { decodeResult, encodeResult } from './encode-result.js'
import { encodeRetry } from './encode-retry.js'
import { encodeTask, type TaskCall } from './encode-task.js'
import { ResultDecodeError } from './errors.js'
import { decodeEvents, encodeEvents } from './event-message.js'
import type { GroupId, NodeName, TaskId, TaskName } from './ids.js'
import { fromExact } from './json.js'
import type { Message } from './message.js'
import {
  type ControlRequest,
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from './pidbox.js'
import type { ResultMeta, ResultTuple } from './result-meta.js'
import type { Signature } from './signature.js'
import { signatureFromDict, signatureToDict } from './signature-dict.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })

/** `fc.record` without its objects that have no prototype: deepEqual tells them from decoded ones. */
function plain<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

/** Data that JSON carries unchanged; `__type__` alone would be a tag's business. */
const json = fc
  .jsonValue({ maxDepth: 3 })
  .map(value => JSON.parse(JSON.stringify(value)) as unknown)
  .filter(value => !holdsIntegralFloat(value))
const members = fc.dictionary(
  fc.string().filter(key => key !== '__type__' && key !== '__proto__'),
  json,
  { maxKeys: 4, noNullPrototype: true },
)
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(text => !/[\p{Cc}\p{Cs}]/u.test(text))
const time = fc.integer({ min: 0, max: 4e12 })
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })

const taskNames = name as fc.Arbitrary<TaskName>
const taskIds = name as fc.Arbitrary<TaskId>
const groupIds = name as fc.Arbitrary<GroupId>

const signature: fc.Arbitrary<Signature> = plain({
  task: taskNames,
  args: fc.array(json, { maxLength: 3 }),
  kwargs: members,
  options: members.map(({ link, link_error, chain, chord, ...options }) => options),
  subtaskType: fc.constantFrom(null, 'chain', 'group', 'chord', 'tree'),
  immutable: fc.boolean(),
})

const call: fc.Arbitrary<TaskCall> = plain({
  id: taskIds,
  task: taskNames,
  args: fc.array(json, { maxLength: 4 }),
  kwargs: members,
  eta: maybe(time),
  expires: maybe(time),
  retries: fc.nat(100),
  timeLimit: maybe(fc.integer({ min: 500_000, max: 900_000 })),
  softTimeLimit: maybe(fc.integer({ min: 1, max: 499_999 })),
  rootId: taskIds,
  parentId: maybe(taskIds),
  group: maybe(groupIds),
  groupIndex: maybe(fc.integer()),
  shadow: maybe(name),
  origin: maybe(name),
  ignoreResult: maybe(fc.boolean()),
  replacedTaskNesting: fc.nat(5),
  stampedHeaders: maybe(fc.constant(['stamp'])),
  stamps: fc.constant({}),
  headers: fc.dictionary(
    name.map(text => `x-own-${text}`),
    json,
    { maxKeys: 3, noNullPrototype: true },
  ),
  callbacks: fc.array(signature, { maxLength: 2 }),
  errbacks: fc.array(signature, { maxLength: 2 }),
  chain: fc.array(signature, { maxLength: 4 }),
  chord: maybe(signature),
  replyTo: maybe(name),
  priority: maybe(fc.nat(9)),
  argsrepr: name,
  kwargsrepr: name,
})

const tuple: fc.Arbitrary<ResultTuple> = fc.letrec<{ tuple: ResultTuple }>(tie => ({
  tuple: plain({
    id: taskIds,
    parent: fc.option(tie('tuple'), { nil: undefined, maxDepth: 3, depthIdentifier: 'tuple' }),
    members: fc.option(fc.array(tie('tuple'), { maxLength: 2 }), {
      nil: undefined,
      maxDepth: 3,
      depthIdentifier: 'tuple',
    }),
  }),
})).tuple

const meta: fc.Arbitrary<ResultMeta> = plain({
  taskId: taskIds,
  status: fc.constantFrom('SUCCESS', 'FAILURE', 'RETRY', 'REVOKED', 'STARTED', 'PROGRESS'),
  result: json,
  error: maybe(plain({ type: name, args: fc.array(json, { maxLength: 3 }), module: fc.option(name) })),
  traceback: maybe(fc.string()),
  children: maybe(fc.array(tuple, { maxLength: 2 })),
  dateDone: maybe(name),
}).map(fields => (isException(fields.status) ? { ...fields, result: undefined } : { ...fields, error: undefined }))

const event: fc.Arbitrary<ClusterEvent> = plain({
  type: fc.constantFrom('task-received', 'task-failed', 'worker-heartbeat', 'task-progress'),
  hostname: fc.constant('w@h'),
  pid: fc.nat(),
  clock: fc.nat(),
  timestamp: time,
  utcoffset: fc.integer({ min: -14, max: 12 }),
  fields: plain({ uuid: name, custom: json }),
})

const request: fc.Arbitrary<ControlRequest> = plain({
  method: name,
  arguments: members,
  destination: maybe(fc.array(name, { minLength: 1, maxLength: 3 })),
  pattern: maybe(name),
  matcher: maybe(name),
  ticket: maybe(name),
  replyTo: maybe(plain({ exchange: fc.string(), routingKey: fc.string() })),
  clock: fc.nat(),
  expires: maybe(fc.integer({ min: 1, max: 4e9 }).map(seconds => seconds * 1000)),
})

describe('what is written is read as it was', () => {
  it('task calls, in both protocols', () => {
    fc.assert(
      fc.property(call, given => {
        const decoded = decodeTask(encodeTask(given, codec), codec)
        if (decoded.kind === 'malformed') assert.fail(decoded.detail)
        const { message, protocol, lang, correlationId, ...fields } = decoded.request
        assert.deepEqual([protocol, lang, correlationId], [2, 'js', given.id])
        const chain = allSteps(fields.chain)
        assert.deepEqual(fromExact({ ...fields, chain }), { ...given, priority: given.priority ?? 0 })

        const old = decodeTask(encodeTask({ ...given, chain: [], protocol: 1 }, codec), codec)
        if (old.kind === 'malformed') assert.fail(old.detail)
        const { id, args, kwargs, eta, expires, retries, group, callbacks, errbacks, chord, headers } = old.request
        const same = { id, args, kwargs, eta, expires, retries, group, callbacks, errbacks, chord, headers }
        for (const [field, value] of Object.entries(same))
          assert.deepEqual(fromExact(value), given[field as keyof TaskCall], field)
      }),
    )
  })

  it('retries: everything but the attempt itself', () => {
    fc.assert(
      fc.property(call, fc.constantFrom<1 | 2>(1, 2), (given, protocol) => {
        const before = requestOf(encodeTask({ ...given, protocol }, codec))
        const after = requestOf(encodeRetry(before, { retries: before.retries + 1, eta: 5000 }, codec))
        const { message: _, ...kept } = before
        const { message: __, ...read } = after
        const ignoreResult = undefined
        assert.deepEqual(read, { ...kept, retries: before.retries + 1, eta: 5000, ignoreResult })
      }),
    )
  })

  it('signatures', () => {
    fc.assert(fc.property(signature, given => assert.deepEqual(signatureFromDict(signatureToDict(given)), given)))
  })

  it('result metas', () => {
    fc.assert(fc.property(meta, given => assert.deepEqual(decodeResult(encodeResult(given, codec), codec), given)))
  })

  it('events', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), given => {
        for (const serializer of [undefined, 'json']) {
          const sent = encodeEvents(given as [ClusterEvent, ...ClusterEvent[]], codec, serializer)
          assert.deepEqual(decodeEvents(sent, codec).events, given)
        }
      }),
    )
  })

  it('control requests and replies', () => {
    fc.assert(
      fc.property(request, name, json, (given, node, value) => {
        assert.deepEqual(decodeControlRequest(encodeControlRequest(given, codec), codec), {
          kind: 'request',
          request: given,
        })
        const reply = { node: node as NodeName, value, ticket: given.ticket, clock: given.clock }
        assert.deepEqual(decodeControlReply(encodeControlReply(reply, codec), codec), { kind: 'reply', reply })
      }),
    )
  })
})

describe('whatever is received', () => {
  const anything = fc.oneof(fc.jsonValue(), fc.string(), fc.bigInt(), fc.constant(undefined), fc.uint8Array())

  /** A valid message with one to five mutations. */
  const mutated = plain({
    call,
    headers: fc.dictionary(
      fc.constantFrom(
        'task',
        'id',
        'eta',
        'expires',
        'retries',
        'timelimit',
        'group',
        'group_index',
        'stamps',
        'compression',
        'protocol',
        'root_id',
      ),
      anything,
      { maxKeys: 5 },
    ),
    body: maybe(
      fc.oneof(
        json,
        fc.tuple(json, json, json),
        fc.tuple(
          fc.constant([]),
          fc.constant({}),
          fc.dictionary(fc.constantFrom('callbacks', 'errbacks', 'chain', 'chord'), json),
        ),
      ),
    ),
  }).map(({ call, headers, body }): Message => {
    const message = encodeTask(call, codec)
    return {
      ...message,
      headers: { ...message.headers, ...headers },
      body: body === undefined ? message.body : Buffer.from(JSON.stringify(body)),
    }
  })

  it('decodeTask answers with a value', () => {
    fc.assert(
      fc.property(mutated, message => {
        const { kind } = decodeTask(message, codec, { now: 0 })
        assert.ok(kind === 'task' || kind === 'malformed')
      }),
      { numRuns: 500 },
    )
  })

  it('bytes in any order lead to a value or the typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.json(), (bytes, text) => {
        for (const body of [bytes, Buffer.from(text)]) {
          const message = { headers: {}, properties: { contentType: 'application/json' }, body }
          assert.equal(typeof decodeTask(message, codec).kind, 'string')
          assert.equal(typeof decodeEvents(message, codec).dropped, 'number')
          assert.equal(typeof decodeControlRequest(message, codec).kind, 'string')
          assert.equal(typeof decodeControlReply(message, codec).kind, 'string')
          try {
            decodeResult(body, codec)
          } catch (error) {
            assert.ok(error instanceof ResultDecodeError)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

function requestOf(message: Message): Extract<ReturnType<typeof decodeTask>, { kind: 'task' }>['request'] {
  const decoded = decodeTask(message, codec)
  return decoded.kind === 'task' ? decoded.request : assert.fail(decoded.detail)
}

function isException(status: string): boolean {
  return status === 'FAILURE' || status === 'RETRY' || status === 'REVOKED'
}

/** Floats that look like integers: written as floats, and kept as such where they are only passed on. */
function holdsIntegralFloat(value: unknown): boolean {
  if (typeof value === 'number')
    return Object.is(value, -0) || (Number.isInteger(value) && !Number.isSafeInteger(value))
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsIntegralFloat)
}
