import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { globMatches } from './glob.js'

/** As Python's `fnmatch.fnmatchcase` answers. */
const CASES: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['a', '', false],
  ['*', '', true],
  ['*', 'anything.at.all', true],
  ['**', 'a', true],
  ['img.*', 'img.resize', true],
  ['img.*', 'img.', true],
  ['img.*', 'image.resize', false],
  ['*.resize', 'img.resize', true],
  ['*.resize', 'img.resized', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['?', 'a', true],
  ['?', '', false],
  ['?', 'ab', false],
  ['a?c', 'abc', true],
  ['[abc]', 'b', true],
  ['[abc]', 'd', false],
  ['[a-c]x', 'bx', true],
  ['[a-c]x', 'dx', false],
  ['[!a-c]', 'd', true],
  ['[!a-c]', 'b', false],
  ['[]]', ']', true],
  ['[!]]', ']', false],
  ['[!]]', 'a', true],
  ['[a-]', '-', true],
  ['[-a]', '-', true],
  ['[', '[', true],
  ['[a', '[a', true],
  ['[!', '[!', true],
  ['*[0-9]', 'worker12', true],
  ['*[0-9]', 'worker', false],
  ['A*', 'abc', false],
  ['a.c', 'abc', false],
  ['a+', 'aa', false],
  ['celery@*', 'celery@host', true],
  ['[*]', '*', true],
  ['[*]', 'a', false],
  ['a*[', 'ab[', true],
]

for (const [pattern, name, matches] of CASES) {
  test(`'${pattern}' ${matches ? 'accepts' : 'refuses'} '${name}'`, () => {
    assert.equal(globMatches(pattern, name), matches)
  })
}

test('a pattern without special characters accepts itself and nothing else', () => {
  const plain = fc.string().filter(text => !/[*?[]/.test(text))
  fc.assert(fc.property(plain, plain, (pattern, name) => globMatches(pattern, name) === (pattern === name)))
})

test('stars and question marks agree with a regular expression', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
  fc.assert(
    fc.property(pattern, name, (glob, text) => {
      const expression = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`)
      return globMatches(glob, text) === expression.test(text)
    }),
    { numRuns: 2000 },
  )
})

test('a hostile pattern is answered, not searched for ever', () => {
  assert.equal(globMatches(`${'*a'.repeat(200)}*b`, 'a'.repeat(2000)), false)
  assert.equal(globMatches(`${'*?'.repeat(200)}b`, 'a'.repeat(2000)), false)
  assert.equal(globMatches('['.repeat(5000), '['.repeat(5000)), true)
})
