import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIso, parseIso } from './iso8601.js'

const noon = Date.UTC(2026, 10, 20, 8, 51, 9)

for (const [text, expected] of [
  ['2026-11-20T08:51:09', noon],
  ['2026-11-20 08:51:09', noon],
  ['2026-11-20T08:51:09Z', noon],
  ['2026-11-20T08:51:09.816613+00:00', noon + 816],
  ['2026-11-20T08:51:09.8', noon + 800],
  ['2026-11-20T08:51:09,123456789Z', noon + 123],
  ['2026-11-20T10:51:09+02:00', noon],
  ['2026-11-20T10:51:09+0200', noon],
  ['2026-11-20T10:51:09+02', noon],
  ['2026-11-20T07:21:09-01:30', noon],
  ['20261120T085109Z', noon],
  ['2026-11-20', Date.UTC(2026, 10, 20)],
  ['2024-02-29T00:00', Date.UTC(2024, 1, 29)],
  ['0001-01-01T00:00:00Z', -62_135_596_800_000],
  ['9999-12-31T23:59:59.999999+00:00', 253_402_300_799_999],
] as const) {
  test(`M24 '${text}' is read`, () => {
    assert.equal(parseIso(text), expected)
  })
}

for (const text of [
  '',
  'soon',
  '12345',
  '2026-02-29',
  '2026-13-01',
  '0000-01-01',
  '2026-11-20T24:00:00',
  '2026-11-20T08:60:00',
  '2026-11-20T08:51:09+24:00',
  '2026-11-20T08:51:09Zulu',
  '2026-1120',
  '10000-01-01T00:00:00Z',
  '2026-11-20T08:5109',
  `2026-11-20T08:51:09.${'1'.repeat(100)}`,
]) {
  test(`M24 '${text.slice(0, 32)}' is no time`, () => {
    assert.equal(parseIso(text), undefined)
  })
}

test('a time is written with six digits and an explicit offset', () => {
  assert.equal(formatIso(noon + 816), '2026-11-20T08:51:09.816000+00:00')
})

test('a time outside the years 0001 to 9999 is refused', () => {
  for (const epochMs of [Number.NaN, -62_135_596_800_001, 253_402_300_800_000, 9e15]) {
    assert.throws(() => formatIso(epochMs), RangeError)
  }
})

test('reading what was written gives the same instant', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), epochMs => {
      assert.equal(parseIso(formatIso(epochMs)), epochMs)
    }),
  )
})

test('any text gives a number or nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789-:+.TZ ') }), text => {
      const at = parseIso(text)
      assert.ok(at === undefined || Number.isFinite(at))
    }),
  )
})
