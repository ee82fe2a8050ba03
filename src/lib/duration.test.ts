import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from './duration.js'

const SPANS: readonly (readonly [unknown, number | undefined])[] = [
  [5, 5000],
  [0, 0],
  [0.25, 250],
  ['5', 5000],
  ['1.5', 1500],
  ['250ms', 250],
  ['5s', 5000],
  ['1.5h', 5_400_000],
  ['3d', 259_200_000],
  ['2w', 1_209_600_000],
  ['1h30m', 5_400_000],
  [' 1h 30m ', 5_400_000],
  ['1m30', undefined],
  ['', undefined],
  ['  ', undefined],
  ['5 parsecs', undefined],
  ['-5s', undefined],
  ['5S', undefined],
  ['.5s', undefined],
  ['1e3', undefined],
  ['Infinity', undefined],
  ['9'.repeat(400), undefined],
  [1e308, undefined],
  [-1, undefined],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  [null, undefined],
  [true, undefined],
  [['5s'], undefined],
]

for (const [written, expected] of SPANS) {
  test(`${JSON.stringify(written)} ${typeof written === 'number' ? `(${written}) ` : ''}is ${expected === undefined ? 'no span' : `${expected} ms`}`, () => {
    assert.equal(parseDuration(written), expected)
  })
}

test('a long hostile text is refused without being searched to exhaustion', () => {
  assert.equal(parseDuration(`${'1'.repeat(50_000)}x`), undefined)
  assert.equal(parseDuration('1s '.repeat(30_000)), undefined)
})

test('spans are shown with the units that count', () => {
  assert.equal(formatDuration(90_061_000), '1d1h1m1s')
  assert.equal(formatDuration(3_600_000), '1h')
  assert.equal(formatDuration(999), '999ms')
  assert.equal(formatDuration(0), '0ms')
})

test('what is shown in whole seconds reads back as the same span', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), seconds => {
      assert.equal(parseDuration(formatDuration(seconds * 1000)), seconds * 1000)
    }),
  )
})
