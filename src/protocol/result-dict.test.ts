import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCodec } from './create-codec.js'
import { decodeGroup, decodeResult, encodeGroup, encodeResult } from './encode-result.js'
import { EncodeError, ResultDecodeError, ResultTooLargeError } from './errors.js'
import { groupId, taskId, taskName } from './ids.js'
import { DEFAULT_LIMITS } from './limits.js'
import { exceptionFromWire, resultMetaFromDict, resultMetaToDict } from './result-dict.js'
import type { ResultMeta, ResultTuple } from './result-meta.js'
import { resultTupleFromWire, resultTupleToWire } from './result-tuple.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })

const META: ResultMeta = {
  taskId: taskId('one'),
  status: 'SUCCESS',
  result: 5,
  error: undefined,
  traceback: undefined,
  children: [],
  dateDone: '2026-11-20T08:51:09.816613+00:00',
}

const FAILED: ResultMeta = {
  ...META,
  status: 'FAILURE',
  result: undefined,
  error: { type: 'ValueError', args: ['boom', 42], module: 'builtins' },
  traceback: 'Traceback',
}

const DICT = { status: 'SUCCESS', result: 5, traceback: null, children: [], date_done: META.dateDone, task_id: 'one' }

describe('stored results', () => {
  it('have the members of Celery in its order', () => {
    const meta: ResultMeta = {
      ...FAILED,
      status: 'RETRY',
      groupId: groupId('g'),
      parentId: taskId('p'),
      extended: {
        name: taskName('t'),
        args: [1],
        kwargs: { k: 2 },
        worker: 'w@h',
        retries: 3,
        queue: undefined,
        stampedHeaders: ['s'],
        stamps: { s: 9 },
      },
      nesting: 2,
      intent: { retries: 4, eta: 1000 },
    }
    assert.equal(
      JSON.stringify(resultMetaToDict(meta)),
      '{"status":"RETRY","result":{"exc_type":"ValueError","exc_message":["boom",42],"exc_module":"builtins"},' +
        '"traceback":"Traceback","children":[],"date_done":"2026-11-20T08:51:09.816613+00:00","group_id":"g","parent_id":"p",' +
        '"name":"t","args":[1],"kwargs":{"k":2},"worker":"w@h","retries":3,"queue":null,"stamped_headers":["s"],"s":9,' +
        '"nesting":2,"intent":{"retries":4,"eta":1000},"task_id":"one"}',
    )
    assert.deepEqual(resultMetaFromDict(resultMetaToDict(meta)), meta)
  })

  it('never hold anything but an exception with RETRY, FAILURE and REVOKED', () => {
    for (const status of ['RETRY', 'FAILURE', 'REVOKED']) {
      assert.equal(resultMetaToDict({ ...META, status, result: 'text' })['result'], null)
    }
    assert.equal(resultMetaToDict({ ...META, status: 'PROGRESS', result: 'text' })['result'], 'text')
    assert.equal(resultMetaToDict({ ...META, result: undefined })['result'], null)
  })

  it("exceptions are read by the rules of Python's reader", () => {
    const read = (value: unknown): unknown => exceptionFromWire(value)
    for (const none of [null, undefined, false, 0, '']) assert.equal(read(none), undefined)
    assert.deepEqual(read({ exc_type: 'E' }), { type: 'E', args: [''], module: null })
    assert.deepEqual(read({ exc_type: 'E', exc_message: 'one', exc_module: 'm' }), {
      type: 'E',
      args: ['one'],
      module: 'm',
    })
    assert.deepEqual(
      read([
        ['exc_type', 'E'],
        ['exc_message', [1]],
      ]),
      { type: 'E', args: [1], module: null },
    )
    for (const garbage of [
      7,
      'text',
      true,
      {},
      [1],
      [['a']],
      { exc_type: '' },
      { exc_type: 7 },
      { exc_type: 'E', exc_module: 7 },
    ]) {
      assert.throws(() => read(garbage), ResultDecodeError, JSON.stringify(garbage))
    }
  })

  it('M46 garbage in the backend is a ResultDecodeError', () => {
    const garbage: readonly unknown[] = [
      null,
      7,
      [],
      {},
      { ...DICT, status: 7 },
      { ...DICT, status: '' },
      { ...DICT, task_id: null },
      { ...DICT, status: 'FAILURE', result: 'text' },
      { ...DICT, traceback: {} },
      { ...DICT, date_done: 5 },
      { ...DICT, children: {} },
      { ...DICT, children: [7] },
      { ...DICT, children: [[['x', null], 7]] },
      { ...DICT, group_id: 7 },
    ]
    for (const value of garbage)
      assert.throws(() => resultMetaFromDict(value), ResultDecodeError, JSON.stringify(value))
    for (const text of ['', '{', 'not json', '[1,2', '"text"']) {
      assert.throws(() => decodeResult(Buffer.from(text), codec), ResultDecodeError, text)
      assert.throws(() => decodeGroup(Buffer.from(text), codec), ResultDecodeError, text)
    }
  })

  it('M46 an exception with the name of a module of ours is strings, nothing more', () => {
    const error = { exc_type: 'exec', exc_message: ['rm -rf'], exc_module: 'child_process' }
    const meta = decodeResult(Buffer.from(JSON.stringify({ ...DICT, status: 'FAILURE', result: error })), codec)
    assert.deepEqual(meta.error, { type: 'exec', args: ['rm -rf'], module: 'child_process' })
  })

  it('records of older or other writers without children, date or traceback are read', () => {
    assert.deepEqual(resultMetaFromDict({ task_id: 'one', status: 'SUCCESS', result: 1 }), {
      ...META,
      result: 1,
      children: undefined,
      dateDone: undefined,
    })
  })

  it('arguments of an exception that cannot be written are stored as their repr', () => {
    const failed: ResultMeta = { ...FAILED, error: { type: 'E', args: [() => 1, 'fine', new Set([1])], module: null } }
    const { error } = decodeResult(encodeResult(failed, codec), codec)
    assert.deepEqual(error?.args, ['<function>', 'fine', '{1}'])
  })

  it('a value that cannot be written is an EncodeError', () => {
    assert.throws(() => encodeResult({ ...META, result: () => 1 }, codec), EncodeError)
  })

  it('L12 a result that is too large is refused with its size', () => {
    const limits = { ...DEFAULT_LIMITS, resultBytes: 1000 }
    assert.throws(
      () => encodeResult({ ...META, result: 'x'.repeat(2000) }, codec, { limits }),
      (error: unknown) => {
        assert.ok(error instanceof ResultTooLargeError && error instanceof EncodeError)
        assert.match(error.message, /takes 2\d\d\d bytes; at most 1000/)
        return true
      },
    )
  })
})

describe('result tuples', () => {
  const leaf: ResultTuple = { id: taskId('a'), parent: undefined, members: undefined }
  const group: ResultTuple = { id: groupId('g'), parent: leaf, members: [leaf, { ...leaf, members: [] }] }

  it('are pairs of [id, parent] and members', () => {
    const wire = [
      ['g', [['a', null], null]],
      [
        [['a', null], null],
        [['a', null], []],
      ],
    ]
    assert.deepEqual(resultTupleToWire(group), wire)
    assert.deepEqual(resultTupleFromWire(wire), group)
  })

  it('may have their id not wrapped', () => {
    assert.deepEqual(resultTupleFromWire(['a', null]), leaf)
    assert.deepEqual(resultTupleFromWire(['g', [['a', null]]]), { id: 'g', parent: undefined, members: [leaf] })
  })

  it('that are none are a ResultDecodeError', () => {
    for (const value of [
      null,
      'a',
      [],
      ['a'],
      [['a'], null, 1],
      [[7, null], null],
      [['', null], null],
      [['a', 'p'], null],
      ['a', {}],
    ]) {
      assert.throws(() => resultTupleFromWire(value), ResultDecodeError, JSON.stringify(value))
    }
  })

  it('that contain themselves are a ResultDecodeError, both ways', () => {
    const members: ResultTuple[] = []
    const cyclic: ResultTuple = { id: groupId('g'), parent: undefined, members }
    members.push(cyclic)
    assert.throws(() => resultTupleToWire(cyclic), ResultDecodeError)
    const wire: unknown[] = ['g', null]
    wire[1] = [wire]
    assert.throws(() => resultTupleFromWire(wire), ResultDecodeError)
  })

  it('of saved groups need members', () => {
    const saved = { id: groupId('g'), parent: leaf, members: [leaf] }
    assert.deepEqual(decodeGroup(encodeGroup(saved, codec), codec), saved)
    assert.throws(() => decodeGroup(Buffer.from('{"result": [["g", null], null]}'), codec), ResultDecodeError)
    assert.throws(() => decodeGroup(Buffer.from('{}'), codec), ResultDecodeError)
  })
})
