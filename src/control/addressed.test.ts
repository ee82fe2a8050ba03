import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeName } from '../protocol/ids.js'
import { addressed } from './addressed.js'

const NODE = nodeName('celery@worker1.example')

describe('a request is for a node', () => {
  const cases: readonly (readonly [
    why: string,
    request: { destination?: readonly string[]; pattern?: string; matcher?: string },
    answer: 'yes' | 'no' | 'unclear',
  ])[] = [
    ['when it addresses nobody in particular', {}, 'yes'],
    ['when it names the node', { destination: ['celery@x', NODE] }, 'yes'],
    ['not when it names others', { destination: ['celery@worker1', 'CELERY@worker1.example'] }, 'no'],
    ['when the name fits the shell pattern', { pattern: 'celery@*.example', matcher: 'glob' }, 'yes'],
    ['not when only a part of it fits', { pattern: 'worker?', matcher: 'glob' }, 'no'],
    ['when the expression fits the beginning', { pattern: 'cel[a-z]+@', matcher: 'pcre' }, 'yes'],
    ['not when it fits later', { pattern: 'worker', matcher: 'pcre' }, 'no'],
    ['by name, whatever the pattern says', { destination: [NODE], pattern: 'x', matcher: 'glob' }, 'yes'],
    ['when it has a pattern that nothing reads', { pattern: 'x' }, 'yes'],
    ['M45 which nobody can say when the matcher is unknown', { pattern: 'x', matcher: 'sql' }, 'unclear'],
    ['M45 which nobody can say when the expression is none', { pattern: '(', matcher: 'pcre' }, 'unclear'],
    ['M45 which nobody can say when the pattern is endless', { pattern: '*'.repeat(1001), matcher: 'glob' }, 'unclear'],
  ]
  for (const [why, request, answer] of cases) {
    it(why, () => {
      const given = { destination: undefined, pattern: undefined, matcher: undefined, ...request }
      assert.equal(addressed(NODE, given).kind, answer)
    })
  }

  it('S78 whatever the pattern, without trying all ways of matching it', () => {
    const name = nodeName(`${'a'.repeat(250)}!`)
    const hostile = { destination: undefined, pattern: `${'*a'.repeat(499)}b`, matcher: 'glob' }
    assert.equal(addressed(name, hostile).kind, 'no')
    assert.equal(addressed(name, { ...hostile, pattern: '(a*)*(a|aa)+(a*a*)*b$', matcher: 'pcre' }).kind, 'no')
    assert.equal(addressed(name, { ...hostile, pattern: '(a?){250}a{250}!', matcher: 'pcre' }).kind, 'yes')
  })
})
