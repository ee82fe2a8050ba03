import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cutChain } from './chain-cut.js'
import { parseJson, rawItems } from './json.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'

const STEP = {
  task: 'demo.add',
  args: [2],
  kwargs: {},
  options: { task_id: 'x'.repeat(100) },
  subtask_type: null,
  immutable: false,
}

function bodyWith(chain: string, args = '[1]'): string {
  return `[${args}, {}, {"callbacks": null, "errbacks": null, "chain": ${chain}, "chord": null}]`
}

function steps(count: number, step: unknown = STEP): string {
  return JSON.stringify(Array.from({ length: count }, () => step))
}

function cut(text: string, limits: Partial<Limits> = {}): ReturnType<typeof cutChain> {
  return cutChain(Buffer.from(text), { ...DEFAULT_LIMITS, ...limits })
}

test('what is cut, put together again, is what was there', () => {
  const printed = fc.tuple(
    fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 2 }),
    fc.constantFrom(undefined, 1),
  )
  fc.assert(
    fc.property(printed, fc.jsonValue(), ([chain, space], args) => {
      const step = { ...STEP, args }
      const embed = { callbacks: [step], chain: [step, ...chain, step], chord: null }
      const text = JSON.stringify([[args], {}, embed], null, space).replace('"chain": [\n', '"chain": [')
      const found = cut(text)
      if (found === undefined) assert.fail('it was not cut')
      const all = [...rawItems(found.later), parseJson(found.next, { exact: true })]
      assert.deepEqual(all, (parseJson(text, { exact: true }) as [never, never, typeof embed])[2].chain)
      assert.equal(found.later.length, chain.length + 1)
      const rest = parseJson(Buffer.from(found.body).toString(), { exact: true })
      assert.deepEqual(rest, parseJson(JSON.stringify([[args], {}, { ...embed, chain: [] }]), { exact: true }))
    }),
  )
})

test('the steps that come later keep every byte', () => {
  const odd =
    '{"task": "t" , "args":[1.0, 1e400,12345678901234567890, -0, NaN],"kwargs": {"\\u00e9 ž": "\\ud83d\\u0000😀"}, "x":{"__type__":"date","__value__":"x"}}'
  const found = cut(bodyWith(`[ ${odd},  ${odd}\n,${odd},${odd} , ${JSON.stringify(STEP)} ]`))
  assert.equal(found?.later.text, `[ ${odd},  ${odd}\n,${odd},${odd}]`)
  assert.equal(found?.later.objects, 12)
  assert.deepEqual(parseJson(found?.next ?? ''), STEP)
})

test('a body without two steps, or of another form, is left whole', () => {
  assert.ok(cut(bodyWith(steps(4))))
  const others = [
    bodyWith('null', JSON.stringify(['"chain":[{', 'x'.repeat(600)])),
    bodyWith(steps(1, { ...STEP, args: ['x'.repeat(600)] })),
    bodyWith('[]', JSON.stringify(['x'.repeat(600)])),
    bodyWith(steps(4).replace('"chain"', '"chained"')).replace('"chain":', '"chains":'),
    `{"task":"t","chain":${steps(4)}}`,
    `[[1],{},{"chain":${steps(4)}},4]`,
    `[[1],{},{"chain":${steps(4)}}] 5`,
    `[[1],{},{"chain":${steps(4)},"chain":${steps(4)}}]`,
    `[[1],{},{"chain":${steps(4)},"ch\\u0061in":null}]`,
    `[[1],{"chain":${steps(4)}},{"chain":null}]`,
    `\ufeff${bodyWith(steps(4))}`,
  ]
  for (const text of others) assert.equal(cut(text), undefined, text.slice(0, 60))
})

test('M28 a step that is no object, or no JSON at all, leaves the body whole, where it is refused', () => {
  for (const odd of [
    '7',
    '"text"',
    'null',
    '[{}]',
    '{"task":}',
    '{"a":1]',
    '{"a":[}',
    '{',
    '{"a":"\n"}',
    '{"a":01}',
    '',
    '{} {}',
  ])
    for (const at of [0, 2, 4]) {
      const all = Array.from({ length: 5 }, (_, n) => (n === at ? odd : JSON.stringify(STEP)))
      assert.equal(cut(bodyWith(`[${all.join()}]`)), undefined, `${odd} at ${at}`)
    }
  const body = Buffer.from(bodyWith(steps(4)))
  body[body.indexOf('xxx')] = 0xff
  assert.equal(cutChain(body, DEFAULT_LIMITS), undefined)
})

test('L01, L04 and L07: what may be too much is looked at as a whole', () => {
  const text = bodyWith(steps(4))
  // Each step is three objects.
  for (const [limits, isCut] of [
    [{ canvasNodes: 12 }, true],
    [{ canvasNodes: 11 }, false],
    [{ depth: 5, canvasDepth: 5 }, true],
    [{ depth: 4 }, false],
    [{ canvasDepth: 4 }, false],
    [{ values: 16 }, false],
    [{ messageBytes: text.length }, true],
    [{ messageBytes: text.length - 1 }, false],
  ] as const)
    assert.equal(cut(text, limits) !== undefined, isCut, JSON.stringify(limits))
})
