import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopBeat } from './loop-beat.js'

test('what the loop writes is read through the same memory', () => {
  const loop = new LoopBeat()
  const seen = new LoopBeat(loop.buffer)
  assert.deepEqual(seen.read(), { ticks: 0, last: '', running: '' })
  loop.note('demo.ä[1]')
  loop.tick('demo.b[2], demo.c[3]')
  assert.deepEqual(seen.read(), { ticks: 1, last: 'demo.ä[1]', running: 'demo.b[2], demo.c[3]' })
  loop.note('')
  loop.tick('')
  assert.deepEqual(seen.read(), { ticks: 2, last: '', running: '' })
})

test('a text that is too long is cut', () => {
  const loop = new LoopBeat()
  loop.note('x'.repeat(10_000))
  assert.equal(loop.read().last.length, 2048)
})
