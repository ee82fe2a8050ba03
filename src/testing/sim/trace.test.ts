import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Trace } from './trace.js'

test('a line has fixed columns and is one line whatever is in it', () => {
  const trace = new Trace(10)
  trace.add(12.5, 'worker', 'log', 'a\nb')
  assert.deepEqual(trace.lines(), ['        12.500  worker        log       a\\nb'])
})

test('the hash covers every line, also those no longer kept', () => {
  const [one, other] = [new Trace(2), new Trace(2)]
  one.add(0, 'a', 'log', 'first')
  other.add(0, 'a', 'log', 'other')
  for (const trace of [one, other]) for (let i = 0; i < 1000; i++) trace.add(i, 'a', 'log', String(i))
  assert.deepEqual(one.lines(), other.lines())
  assert.equal(one.lines().length, 2)
  assert.notEqual(one.hash(), other.hash())
})

test('reading the hash in between does not change it', () => {
  const [one, other] = [new Trace(5), new Trace(5)]
  for (let i = 0; i < 600; i++) {
    one.add(i, 'a', 'log', 'x')
    other.add(i, 'a', 'log', 'x')
    if (i % 7 === 0) one.hash()
  }
  assert.equal(one.hash(), other.hash())
})
