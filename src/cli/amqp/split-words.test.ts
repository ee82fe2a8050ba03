import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitWords } from './split-words.js'

test('words are parted by spaces, held together by quotes, and a backslash takes what follows as it is', () => {
  assert.deepEqual(splitWords(`  a  "b c" 'd "e"' f\\ g "" x"y"z "\\""`), ['a', 'b c', 'd "e"', 'f g', '', 'xyz', '"'])
  assert.deepEqual(splitWords(''), [])
  assert.deepEqual(splitWords("'open"), ['open'])
})
