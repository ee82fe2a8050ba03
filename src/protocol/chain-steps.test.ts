import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allSteps, laterSteps, nextStep } from './chain-steps.js'
import { createCodec } from './create-codec.js'
import { decodeTask } from './decode-task.js'
import { encodeTask, type TaskCall } from './encode-task.js'
import { EncodeError } from './errors.js'
import { taskId, taskName } from './ids.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import type { Message } from './message.js'
import { RAW_LIST_MARK, RawList } from './raw-list.js'
import type { TaskRequest } from './request.js'

const codec = createCodec({ accept: ['json', 'msgpack', 'yaml'], serializer: 'json' })
const CALL: TaskCall = { id: taskId('one'), task: taskName('demo.add') }
const PLAIN =
  '{"task": "demo.add", "args": [2], "kwargs": {}, "options": {"task_id": "a"}, "subtask_type": null, "immutable": false}'
const ODD =
  '{"task": "demo.odd", "args": [1.0, 1e400, 12345678901234567890, 0.1000], "kwargs": {"\\u00e9": "\\ud83d 😀"}, ' +
  '"options": {"task_id": "b", "link": [{"task": "demo.link"}], "own": {"__type__": "decimal", "__value__": "1.10"}}, "immutable": true}'
const NESTED = `{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [${PLAIN}, ${ODD}]}, "options": {}}`

/** In the wire's reverse order. */
function arrived(steps: readonly string[]): TaskRequest {
  const body = `[[1], {}, {"callbacks": null, "errbacks": null, "chain": [${steps.join(', ')}], "chord": null}]`
  return requestOf(messageOf(Buffer.from(body)))
}

function messageOf(body: Uint8Array): Message {
  return {
    headers: { task: 't', id: 'one' },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    body,
  }
}

function requestOf(message: Message): TaskRequest {
  const decoded = decodeTask(message, codec)
  return decoded.kind === 'task' ? decoded.request : assert.fail(decoded.detail)
}

test('a chain is passed on from step to step as it came, and each step is what it would be if all had been read', () => {
  const steps = [NESTED, PLAIN, ODD, ODD, PLAIN, NESTED, PLAIN, ODD]
  let request = arrived(steps)
  const read = allSteps(request.chain)
  assert.deepEqual(
    read.map(({ options }) => options['task_id']),
    [undefined, 'a', 'b', 'b', 'a', undefined, 'a', 'b'],
  )
  for (let left = steps.length - 1; left > 0; left--) {
    assert.equal(request.chain.length, left + 1)
    assert.deepEqual(nextStep(request.chain), read[left])
    const chain = laterSteps(request.chain)
    if (chain instanceof RawList) assert.equal(chain.text, `[${steps.slice(0, left).join(', ')}]`)
    const sent = encodeTask({ ...CALL, args: [left], chain }, codec)
    if (chain instanceof RawList) assert.ok(Buffer.from(sent.body).includes(`"chain":${chain.text},"chord"`))
    request = requestOf(sent)
    assert.deepEqual(request.args, [left])
    assert.deepEqual(allSteps(request.chain), read.slice(0, left))
  }
  assert.deepEqual(nextStep(request.chain), read[0])
})

test('every serializer, compression and protocol carries steps that were kept as it carries those that were read', () => {
  const { chain } = arrived([PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN])
  const later = laterSteps(chain)
  assert.ok(later instanceof RawList)
  for (const how of [
    ...['json', 'msgpack', 'yaml'].map(serializer => ({ serializer })),
    { compression: 'gzip' },
    { protocol: 1 },
  ] as const) {
    const { message: _, ...text } = requestOf(encodeTask({ ...CALL, ...how, chain: later }, codec))
    const { message: __, ...values } = requestOf(encodeTask({ ...CALL, ...how, chain: allSteps(later) }, codec))
    const all = (request: typeof text): unknown => ({ ...request, chain: allSteps(request.chain) })
    assert.deepEqual(all(text), all(values), JSON.stringify(how))
  }
})

test('a text that is the mark of a kept list is a text', () => {
  const chain = laterSteps(arrived([PLAIN, PLAIN, PLAIN, PLAIN, PLAIN]).chain)
  const args = [RAW_LIST_MARK, `"${RAW_LIST_MARK}"`, { [RAW_LIST_MARK]: 1 }]
  const request = requestOf(encodeTask({ ...CALL, args, chain }, codec))
  assert.deepEqual(request.args, args)
  assert.equal(request.chain.length, 4)
})

test('what is no plain data beside kept steps is written as ever', () => {
  const chain = laterSteps(arrived([ODD, PLAIN, PLAIN, PLAIN, PLAIN]).chain)
  const request = requestOf(encodeTask({ ...CALL, args: [10n ** 20n, new Date(0)], chain }, codec))
  assert.deepEqual(request.args, [10n ** 20n, new Date(0)])
  assert.deepEqual(allSteps(request.chain), allSteps(chain as RawList))
})

test('M29 a malformed step is passed on until it comes, and then has no task name', () => {
  for (const odd of ['{}', '{"task": 7}', '{"task": "t", "options": []}', '{"task": "t", "args": {}}']) {
    let { chain } = arrived([PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, odd, PLAIN, PLAIN])
    for (const task of ['demo.add', 'demo.add', '', 'demo.add']) {
      assert.equal(nextStep(chain)?.task, task, odd)
      chain = requestOf(encodeTask({ ...CALL, chain: laterSteps(chain) }, codec)).chain
    }
  }
  assert.equal(
    decodeTask(messageOf(Buffer.from(`[[], {}, {"chain": [${[PLAIN, '7', PLAIN, PLAIN]}]}]`)), codec).kind,
    'malformed',
  )
})

test('L07 kept steps count beside the other signatures of their message', () => {
  const steps = Array.from({ length: 10 }, () => PLAIN)
  const later = laterSteps(arrived([...steps, PLAIN]).chain)
  const [callback] = allSteps(later as RawList)
  assert.ok(callback)
  const encoded = (canvasNodes: number): number => {
    const limits: Limits = { ...DEFAULT_LIMITS, canvasNodes }
    const sent = encodeTask({ ...CALL, callbacks: [callback, callback], chain: later }, codec, limits)
    return requestOf(sent).chain.length
  }
  // As objects they may be thirty, so they are read and counted.
  for (const canvasNodes of [100, 32, 31, 12]) assert.equal(encoded(canvasNodes), 10)
  assert.throws(() => encoded(11), EncodeError)
})
