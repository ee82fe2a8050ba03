import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { topicMatches, topicWords } from './topic.js'

function matches(pattern: string, key: string): boolean {
  return topicMatches(topicWords(pattern), topicWords(key))
}

/** The definition, word by word; exponential, so only for small inputs. */
function byDefinition(pattern: readonly string[], words: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return words.length === 0
  if (head === '#') return byDefinition(rest, words) || (words.length > 0 && byDefinition(pattern, words.slice(1)))
  return words.length > 0 && (head === '*' || head === words[0]) && byDefinition(rest, words.slice(1))
}

test('a pattern without wildcards matches only itself', () => {
  assert.equal(matches('task.sent', 'task.sent'), true)
  assert.equal(matches('task.sent', 'task'), false)
  assert.equal(matches('task', 'task.sent'), false)
})

test('a star stands for exactly one word', () => {
  assert.equal(matches('task.*', 'task.sent'), true)
  assert.equal(matches('task.*', 'task'), false)
  assert.equal(matches('task.*', 'task.sent.now'), false)
  assert.equal(matches('*.sent', 'task.sent'), true)
  assert.equal(matches('*', ''), false)
})

test('a hash stands for any number of words, none included', () => {
  for (const key of ['', 'worker', 'worker.online', 'a.b.c']) assert.equal(matches('#', key), true, key)
  assert.equal(matches('worker.#', 'worker'), true)
  assert.equal(matches('worker.#', 'worker.heartbeat'), true)
  assert.equal(matches('worker.#', 'task.sent'), false)
  assert.equal(matches('#.end', 'a.end.b.end'), true)
  assert.equal(matches('a.#.*', 'a'), false)
  assert.equal(matches('a.#.*', 'a.b'), true)
})

test('a star inside a word is an ordinary character', () => {
  assert.equal(matches('wor*.x', 'worker.x'), false)
  assert.equal(matches('wor*.x', 'wor*.x'), true)
})

test('matching agrees with its definition on every small case', () => {
  const word = fc.constantFrom('a', 'b', '*', '#')
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), fc.array(fc.constantFrom('a', 'b'), { maxLength: 6 }), (p, w) => {
      assert.equal(topicMatches(p, w), byDefinition(p, w))
    }),
  )
})

test('a hostile pattern costs no more than words times pattern words', () => {
  let looks = 0
  const counted = (items: readonly string[]): readonly string[] =>
    new Proxy(items, {
      get(target, property, receiver): unknown {
        if (property !== 'length') looks++
        return Reflect.get(target, property, receiver)
      },
    })
  const pattern = [...Array.from({ length: 63 }, (_, i) => (i % 2 === 0 ? '#' : 'a')), 'b']
  const words = Array.from({ length: 128 }, () => 'a')

  assert.equal(topicMatches(counted(pattern), counted(words)), false)
  assert.ok(looks <= 4 * pattern.length * words.length, `${looks} looks`)
})
