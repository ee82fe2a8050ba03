import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCodec } from './create-codec.js'
import { decodeTask } from './decode-task.js'
import { encodeRetry, type NextAttempt } from './encode-retry.js'
import { encodeTask, type TaskCall } from './encode-task.js'
import { EncodeError } from './errors.js'
import { taskId, taskName } from './ids.js'
import type { Message } from './message.js'
import type { TaskRequest } from './request.js'
import type { Signature } from './signature.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })
const CALL: TaskCall = { id: taskId('one'), task: taskName('shop.add') }
const SIG: Signature = {
  task: taskName('shop.mul'),
  args: [],
  kwargs: {},
  options: {},
  subtaskType: null,
  immutable: false,
}

function refusal(call: Partial<Record<keyof TaskCall, unknown>>): EncodeError {
  try {
    encodeTask({ ...CALL, ...call } as TaskCall, codec)
  } catch (error) {
    if (error instanceof EncodeError) return error
    throw error
  }
  return assert.fail('it was encoded')
}

function bodyOf(message: Message): unknown {
  return JSON.parse(Buffer.from(message.body).toString())
}

function requestOf(message: Message): TaskRequest {
  const decoded = decodeTask(message, codec)
  return decoded.kind === 'task' ? decoded.request : assert.fail(decoded.detail)
}

describe('encodeTask', () => {
  it('a call with nothing but id and task has every header that Celery writes, in its order', () => {
    const message = encodeTask(CALL, codec)
    assert.equal(
      JSON.stringify(message.headers),
      '{"lang":"js","task":"shop.add","id":"one","shadow":null,"eta":null,"expires":null,"group":null,"group_index":null,' +
        '"retries":0,"timelimit":[null,null],"root_id":"one","parent_id":null,"argsrepr":"()","kwargsrepr":"{}",' +
        '"origin":null,"ignore_result":null,"replaced_task_nesting":0,"stamped_headers":null,"stamps":{}}',
    )
    assert.deepEqual(message.properties, {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId: 'one',
      replyTo: '',
      deliveryMode: 2,
      priority: 0,
    })
    assert.equal(
      Buffer.from(message.body).toString(),
      '[[],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
    )
  })

  it('times have six digits and +00:00, spans are seconds, hard first', () => {
    const { headers } = encodeTask({ ...CALL, eta: 1.5, expires: 0, timeLimit: 1500, softTimeLimit: 1000 }, codec)
    assert.deepEqual(
      [headers['eta'], headers['expires'], headers['timelimit']],
      ['1970-01-01T00:00:00.001000+00:00', '1970-01-01T00:00:00.000000+00:00', [1.5, 1]],
    )
  })

  it('priority null leaves the property out, and a TTL is whole milliseconds, never negative', () => {
    assert.equal('priority' in encodeTask({ ...CALL, priority: null }, codec).properties, false)
    const written = [1500.7, -3, '30000'].map(
      expiration => encodeTask({ ...CALL, expiration }, codec).properties.expiration,
    )
    assert.deepEqual(written, ['1500', '0', '30000'])
  })

  it('protocol 1 has no headers but the custom ones, and links the steps of a chain', () => {
    const chain = [
      { ...SIG, task: taskName('last') },
      { ...SIG, task: taskName('next'), options: { link: SIG } },
    ]
    const message = encodeTask({ ...CALL, chain, headers: { 'x-a': 1 }, protocol: 1 }, codec)
    assert.deepEqual(message.headers, { 'x-a': 1 })
    const { callbacks } = bodyOf(message) as { callbacks: { task: string; options: { link: { task: string }[] } }[] }
    assert.deepEqual(
      callbacks.map(callback => callback.task),
      ['next'],
    )
    assert.deepEqual(
      callbacks[0]?.options.link.map(link => link.task),
      ['shop.mul', 'last'],
    )
  })

  it('L06 names and ids that no peer can take are refused', () => {
    for (const id of ['', 'x'.repeat(256), 'a\u0000']) assert.match(refusal({ id }).message, /task id/)
    for (const task of ['', 'ž'.repeat(128), 'a\nb']) assert.match(refusal({ task }).message, /task name/)
    assert.match(refusal({ callbacks: [{ ...SIG, task: '' }] }).message, /signature/)
  })

  it('L05, L08, L09 headers, times and retries beyond the limits are refused', () => {
    assert.equal(refusal({ headers: { big: 'x'.repeat(200_000) } }).code, 'LVG_ENCODE_TOO_LARGE')
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, 1]))
    assert.equal(refusal({ headers: many }).code, 'LVG_ENCODE_TOO_LARGE')
    for (const eta of [Number.NaN, Number.POSITIVE_INFINITY, 1e16]) assert.match(refusal({ eta }).message, /eta/)
    for (const retries of [-1, 0.5, 2 ** 31]) assert.match(refusal({ retries }).message, /retries/)
  })

  it('L07 a canvas beyond the limits, or one that contains itself, is refused', () => {
    const options: Record<string, unknown> = {}
    const endless: Signature = { ...SIG, options }
    options['link'] = [endless]
    assert.match(refusal({ callbacks: [endless] }).message, /128 deep/)
    const tasks = Array.from({ length: 10_001 }, () => SIG)
    assert.match(refusal({ chord: { ...SIG, task: 'celery.group', kwargs: { tasks } } }).message, /10000 signatures/)
  })

  it('what cannot be written is named with its place', () => {
    assert.match(refusal({ args: [1, { at: [() => 1] }] }).message, /^args\[1\]\.at\[0\]/)
    assert.match(refusal({ kwargs: { k: Number.NaN } }).message, /^kwargs\.k/)
  })
})

describe('encodeRetry', () => {
  const ORIGINAL = encodeTask(
    {
      ...CALL,
      args: [1, 2],
      kwargs: { k: 1 },
      priority: 3,
      expires: 9e12,
      headers: { 'x-a': 1 },
      callbacks: [SIG],
      replyTo: 'r',
    },
    codec,
  )
  const NEXT: NextAttempt = { retries: 1, eta: 1000 }

  it('D50 keeps everything, unknown headers too, and the very same body', () => {
    const original = {
      ...ORIGINAL,
      headers: { ...ORIGINAL.headers, lang: 'py', future: [1, 'x'], 'x-death': [{}], redelivered: true },
    }
    const retry = encodeRetry(requestOf(original), NEXT, codec)
    const { 'x-death': _, redelivered: __, ...kept } = original.headers as Record<string, unknown>
    const eta = '1970-01-01T00:00:01.000000+00:00'
    assert.deepEqual(retry.headers, { ...kept, retries: 1, eta, ignore_result: null })
    assert.equal(retry.properties, original.properties)
    assert.equal(retry.body, original.body)
  })

  it('the parent stays, also where there was none', () => {
    assert.equal(encodeRetry(requestOf(ORIGINAL), NEXT, codec).headers['parent_id'], null)
  })

  it('changed arguments change the body and their repr, and nothing else, digit for digit', () => {
    const body = Buffer.from(
      '[[1.0, 123456789012345678901], {"f": 2.50}, {"callbacks": [{"task": "t", "args": [1.0]}], "extra": 1e2}]',
    )
    const request = requestOf({ ...ORIGINAL, body })
    const retry = encodeRetry(request, { ...NEXT, kwargs: { f: 3 } }, codec)
    assert.equal(
      Buffer.from(retry.body).toString(),
      '[[1.0,123456789012345678901],{"f":3},{"callbacks":[{"task":"t","args":[1.0]}],"extra":1e2}]',
    )
    assert.deepEqual([retry.headers['argsrepr'], retry.headers['kwargsrepr']], ['(1, 2)', "{'f': 3}"])
  })

  it('a compressed body is compressed again the same way', () => {
    const original = encodeTask({ ...CALL, args: ['x'.repeat(500)], compression: 'gzip' }, codec)
    const retry = encodeRetry(requestOf(original), { ...NEXT, args: ['y'.repeat(500)] }, codec)
    assert.equal(retry.headers['compression'], 'application/x-gzip')
    assert.deepEqual(requestOf(retry).args, ['y'.repeat(500)])
  })

  it('protocol 1 stays protocol 1, with members nobody knows', () => {
    const original = encodeTask({ ...CALL, args: [1], protocol: 1, headers: { 'x-a': 1 } }, codec)
    const body = Buffer.from(JSON.stringify({ ...(bodyOf(original) as object), future: true }))
    const retry = encodeRetry(requestOf({ ...original, body }), NEXT, codec)
    assert.deepEqual(retry.headers, { 'x-a': 1 })
    const written = bodyOf(retry) as Record<string, unknown>
    assert.deepEqual([written['retries'], written['args'], written['future']], [1, [1], true])
    assert.equal(requestOf(retry).eta, 1000)
  })

  it('a hybrid changes on both sides, since headers win', () => {
    const original = { ...ORIGINAL, body: Buffer.from('{"args": [1], "kwargs": {}, "retries": 0}') }
    const retry = encodeRetry(requestOf(original), { ...NEXT, args: [7] }, codec)
    const { retries, eta, args } = requestOf(retry)
    assert.deepEqual([retries, eta, args], [1, 1000, [7]])
  })
})
