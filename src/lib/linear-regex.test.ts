import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { linearRegex, RegexProblem } from './linear-regex.js'

/** As Python's `re.match` answers. */
const CASES: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['', ['', 'a'], []],
  ['abc', ['abc', 'abcd'], ['ab', 'xabc', '']],
  ['a|bc|', ['a', 'bc', 'x', ''], []],
  ['(a|b)c', ['ac', 'bcd'], ['ab', 'c']],
  ['a*b+c?$', ['b', 'aabbc', 'b\n'], ['a', 'abd', 'cb']],
  ['a{2}$', ['aa'], ['a', 'aaa']],
  ['a{2,}$', ['aa', 'aaaa'], ['a']],
  ['a{,2}$', ['', 'a', 'aa'], ['aaa']],
  ['(ab){1,2}$', ['ab', 'abab'], ['', 'ababab']],
  ['a{x}', ['a{x}'], ['a']],
  ['a.c', ['abc', 'a€c'], ['a\nc', 'ac']],
  ['[a-c^x]', ['a', 'c', '^', 'x'], ['d', '']],
  ['[^a-c]', ['d', '\n'], ['a', '']],
  ['[]a]', [']', 'a'], ['b']],
  ['[\\w-]+$', ['a-b_1', 'ä'], ['a b']],
  ['\\d+\\.\\d+', ['1.2', '10.20x'], ['1x2']],
  ['\\S+\\s\\S', ['a b'], ['ab']],
  ['\\bab\\b', ['ab', 'ab c'], ['abc']],
  ['a\\Bb', ['ab'], ['a b']],
  ['^a\\Z', ['a'], ['a\n', 'b']],
  ['(?:a|(?P<name>b))+$', ['abba'], ['abc']],
  ['\\x41\\u00e4\\.', ['Aä.'], ['Aäx']],
  ['a+?b*?$', ['a', 'aab'], ['b']],
  ['(a*)*b', ['b', 'aab'], ['aac']],
  ['(a|ab)(c|bcd)$', ['abcd', 'abc', 'ac'], ['abd']],
  ['🌿?x', ['🌿x', 'x'], ['🌱x']],
]

describe('a linear regular expression', () => {
  for (const [pattern, yes, no] of CASES) {
    it(`/${pattern}/ matches from the beginning as Python's does`, () => {
      const regex = linearRegex(pattern)
      for (const text of yes) assert.equal(regex.matchesStart(text), true, JSON.stringify(text))
      for (const text of no) assert.equal(regex.matchesStart(text), false, JSON.stringify(text))
    })
  }

  it('says what it cannot use', () => {
    const bad = ['(', ')', 'a)', '*', 'a**', '[a', '[z-a]', '\\', '\\q', '(?=a)', '(?i)a', '(a)\\1', 'a{3,2}', '\\x4']
    for (const pattern of bad) assert.throws(() => linearRegex(pattern), RegexProblem, pattern)
  })

  it('does not grow beyond a bound', () => {
    for (const pattern of ['a'.repeat(1001), '((a{100}){100}){100}', 'a{99999}', '('.repeat(500) + ')'.repeat(500)]) {
      assert.throws(() => linearRegex(pattern), RegexProblem, pattern.slice(0, 20))
    }
  })
})
