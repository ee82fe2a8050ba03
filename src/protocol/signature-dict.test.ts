import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EncodeError, ProtocolError } from './errors.js'
import { taskName } from './ids.js'
import { parseJson } from './json.js'
import { DEFAULT_LIMITS } from './limits.js'
import type { Signature } from './signature.js'
import { canvasProblem, lenientSignature, signatureFromDict, signatureToDict } from './signature-dict.js'

const SIG: Signature = {
  task: taskName('t'),
  args: [1],
  kwargs: { k: 2 },
  options: {},
  subtaskType: null,
  immutable: false,
}
const DICT = { task: 't', args: [1], kwargs: { k: 2 }, options: {}, subtask_type: null, immutable: false }

describe('signatures on the wire', () => {
  it('missing and null members have their defaults; unknown options are kept', () => {
    assert.deepEqual(signatureFromDict({ task: 't' }), { ...SIG, args: [], kwargs: {} })
    assert.deepEqual(
      signatureFromDict({ task: 't', args: null, kwargs: null, options: null, subtask_type: null, immutable: null }),
      {
        ...SIG,
        args: [],
        kwargs: {},
      },
    )
    const options = { task_id: 'i', link: [DICT], anything: { at: ['all'] } }
    assert.deepEqual(signatureToDict(signatureFromDict({ ...DICT, options })), { ...DICT, options })
  })

  it('numbers are kept exact but in the options that are computed with', () => {
    const exact = parseJson('{"task": "t", "args": [1.0], "options": {"countdown": 2.0, "own": 1.0}}', { exact: true })
    const { args, options } = signatureFromDict(exact)
    assert.deepEqual([String(args[0]), options['countdown'], String(options['own'])], ['1.0', 2, '1.0'])
  })

  it('chord_size is read and never written', () => {
    const signature = signatureFromDict({ ...DICT, chord_size: 3 })
    assert.equal(signature.chordSize, 3)
    assert.deepEqual(signatureToDict(signature), DICT)
  })

  it('signatures within options and composite kwargs are written whether they are values or dicts already', () => {
    const group: Signature = {
      ...SIG,
      task: taskName('celery.group'),
      args: [],
      kwargs: { tasks: [SIG, DICT] },
      subtaskType: 'group',
    }
    const chord: Signature = {
      ...SIG,
      task: taskName('celery.chord'),
      args: [],
      kwargs: { kwargs: {}, header: group, body: SIG },
      options: { link: SIG, link_error: [DICT], chain: [SIG], chord: { ...DICT, options: { link: [SIG] } } },
      subtaskType: 'chord',
    }
    const groupDict = {
      ...DICT,
      task: 'celery.group',
      args: [],
      kwargs: { tasks: [DICT, DICT] },
      subtask_type: 'group',
    }
    assert.deepEqual(signatureToDict(chord), {
      ...DICT,
      task: 'celery.chord',
      args: [],
      kwargs: { kwargs: {}, header: groupDict, body: DICT },
      options: { link: DICT, link_error: [DICT], chain: [DICT], chord: { ...DICT, options: { link: [DICT] } } },
      subtask_type: 'chord',
    })
  })

  it('arguments are data, whatever they look like', () => {
    const lookalike = { subtaskType: null, task: 't' }
    assert.deepEqual(signatureToDict({ ...SIG, args: [lookalike], kwargs: { tasks: [lookalike] } }).args, [lookalike])
  })

  it('M29 what is no signature is refused with the reason', () => {
    const odd = [
      null,
      'text',
      7,
      [],
      {},
      { task: '' },
      { task: 7 },
      { task: 't', args: {} },
      { task: 't', kwargs: [] },
      { task: 't', options: 'x' },
      { task: 't', subtask_type: {} },
    ]
    for (const dict of odd) {
      assert.throws(
        () => signatureFromDict(dict),
        (error: unknown) => error instanceof ProtocolError && error.fault === 'malformed',
      )
    }
    assert.equal(lenientSignature({ task: 't', args: {} }).task, '')
    assert.throws(() => signatureToDict(lenientSignature({})), EncodeError)
  })

  it('L07 counts every signature once per place and stops at the limits, without recursion', () => {
    let deep: Record<string, unknown> = { task: 't' }
    for (let i = 0; i < 200_000; i++) deep = { task: 't', options: { chord: deep } }
    assert.match(canvasProblem([deep], DEFAULT_LIMITS) ?? '', /128 deep/)
    const wide = { task: 'celery.chain', kwargs: { tasks: Array.from({ length: 9_999 }, () => DICT) } }
    assert.equal(canvasProblem([wide], DEFAULT_LIMITS), undefined)
    assert.match(canvasProblem([wide, DICT], DEFAULT_LIMITS) ?? '', /10000 signatures/)
    assert.equal(canvasProblem([{ task: 't', args: [wide, wide] }], DEFAULT_LIMITS), undefined)
  })
})
