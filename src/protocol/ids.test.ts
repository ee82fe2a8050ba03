import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from './errors.js'
import { nameProblem, queueName, taskId } from './ids.js'

test('M22 an id is any text, not only a UUID', () => {
  for (const text of ['1', 'an id with spaces', '../x', 'žluť', 'x'.repeat(255), '🐎'.repeat(63)]) {
    assert.equal(taskId(text), text)
  }
})

test('L06 a name has 1 to 255 bytes of UTF-8', () => {
  assert.match(nameProblem('') ?? '', /empty/)
  assert.match(nameProblem('x'.repeat(256)) ?? '', /256 bytes/)
  assert.match(nameProblem('ž'.repeat(128)) ?? '', /256 bytes/)
  assert.equal(nameProblem('ž'.repeat(127)), undefined)
})

test('M18 a name has no control characters and no half surrogate pairs', () => {
  for (const text of ['a\u0000', '\n', 'a\u007f', 'ž\u0085', 'a\ud800', 'ž\u0001']) {
    assert.match(nameProblem(text) ?? '', /control character/)
  }
})

test('what is no text is no name', () => {
  assert.match(nameProblem(5) ?? '', /number/)
  assert.match(nameProblem(null) ?? '', /null/)
})

test('a wrong name is a malformed message', () => {
  assert.throws(
    () => queueName(''),
    (error: unknown) => error instanceof ProtocolError && error.fault === 'malformed' && error.code === 'LVG_MALFORMED',
  )
})
