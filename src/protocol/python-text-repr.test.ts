import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pythonTextRepr } from './python-text-repr.js'

/** Answers of CPython 3.11. */
const CASES: readonly (readonly [text: string, repr: string])[] = [
  ['', "''"],
  ['nosuch', "'nosuch'"],
  ["it's", '"it\'s"'],
  ['say "it"', '\'say "it"\''],
  ['it\'s "it"', "'it\\'s \"it\"'"],
  ['a\\b\n\r\t', "'a\\\\b\\n\\r\\t'"],
  ['\0\x1f\x7f\u00a0\u00ad', "'\\x00\\x1f\\x7f\\xa0\\xad'"],
  ['ä €\u{1f33f}', "'ä €\u{1f33f}'"],
  ['\u2028\u200b\u{e0001}', "'\\u2028\\u200b\\U000e0001'"],
]

for (const [text, repr] of CASES) {
  test(`${JSON.stringify(text)} is written ${repr}`, () => {
    assert.equal(pythonTextRepr(text), repr)
  })
}
