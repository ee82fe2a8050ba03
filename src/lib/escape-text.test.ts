import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { escapeJson, escapeText } from './escape-text.js'

test('S100 line ends and tabs are written out', () => {
  assert.equal(escapeText('a\r\nb\tc'), 'a\\r\\nb\\tc')
})

test('S100 terminal escapes, bidirectional and invisible characters are written out', () => {
  assert.equal(escapeText('\u001b[2J'), '\\u001b[2J')
  assert.equal(
    escapeText('a\u202eb\u2066c\u200bd\u2028e\u0085f\u007fg\ufeff'),
    'a\\u202eb\\u2066c\\u200bd\\u2028e\\u0085f\\u007fg\\ufeff',
  )
})

test('other text stays as it is, in any language', () => {
  assert.equal(escapeText('größer – 大きい 🌿 %s%n'), 'größer – 大きい 🌿 %s%n')
})

test('L13 long text is cut and says by how much', () => {
  assert.equal(escapeText('abcdef', 4), 'abcd… (2 more)')
  assert.equal(escapeText('abcd', 4), 'abcd')
})

test('L13 the cut does not split a character', () => {
  assert.equal(escapeText('abc🌿def', 4), 'abc… (4 more)')
})

test('escaped JSON parses to the same value and has no unsafe character left', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u001b', '\u2028', '\u202e', '\u0085', '🌿') })
  fc.assert(
    fc.property(fc.dictionary(text, text, { noNullPrototype: true }), value => {
      const line = escapeJson(JSON.stringify(value))
      assert.deepEqual(JSON.parse(line), value)
      assert.doesNotMatch(line, /[\u0085\u2028\u202e]/)
    }),
  )
})
