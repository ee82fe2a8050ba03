import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choice, duration, flag, integer, list, text } from './option.js'

test('an integer is whole and within its range', () => {
  const option = integer('-c, --concurrency <n>', '', { min: 1, max: 100 })
  assert.equal(option.parse(['8']), 8)
  for (const bad of ['', '0', '101', '1.5', 'many', '1e3', '0x10', '9'.repeat(30)]) {
    assert.throws(() => option.parse([bad]), { code: 'LVG_USAGE', message: /from 1 to 100/ }, bad)
  }
})

test('a list is split at commas, may be repeated, and has no empty names', () => {
  const option = list('-Q, --queues <names>', '')
  assert.deepEqual(option.parse(['a, b', 'c']), ['a', 'b', 'c'])
  assert.throws(() => option.parse(['a,,b']), { code: 'LVG_USAGE' })
})

test('a choice is found in any case of letters', () => {
  const option = choice('-l, --loglevel <level>', ['info', 'debug'], '')
  assert.equal(option.parse(['INFO']), 'info')
  assert.throws(() => option.parse(['loud']), { code: 'LVG_USAGE', message: /one of info, debug; got "loud"/ })
})

test('a duration is in seconds unless it says otherwise', () => {
  const option = duration('--time-limit <span>', '')
  assert.equal(option.parse(['1.5']), 1500)
  assert.equal(option.parse(['250ms']), 250)
  assert.throws(() => option.parse(['soon']), { code: 'LVG_USAGE' })
})

test('of several texts the last one counts', () => {
  assert.equal(text('-A, --app <module>', '').parse(['a', 'b']), 'b')
})

test('a flag in the environment is off for 0, false, no, off and nothing', () => {
  const option = flag('--json', '')
  for (const off of ['', '0', 'false', 'No', 'off']) assert.equal(option.parse([off]), false, off)
  for (const on of ['1', 'true', 'yes', 'anything']) assert.equal(option.parse([on]), true, on)
})

test('S100 what a message quotes of a value is escaped and cut', () => {
  const option = choice('-O <kind>', ['fair'], '')
  assert.throws(
    () => option.parse([`\u001b[2J${'x'.repeat(500)}`]),
    (error: Error) => {
      assert.ok(error.message.length < 200)
      assert.ok(!error.message.includes('\u001b'))
      return true
    },
  )
})
