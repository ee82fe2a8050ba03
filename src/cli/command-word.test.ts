import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandWord } from './command-word.js'

test('the command is the first word that belongs to no global option', () => {
  assert.equal(commandWord(['worker', '-A', 'call']), 'worker')
  assert.equal(commandWord(['-A', 'worker', 'call', 'x']), 'call')
  assert.equal(commandWord(['--quiet', '--no-color', '-l', 'info', 'worker']), 'worker')
})

test('where it is not plain to see there is none', () => {
  for (const words of [[], ['--help'], ['-Aworker', 'call'], ['--app=worker', 'call'], ['-A'], ['--', 'worker']])
    assert.equal(commandWord(words), undefined, words.join(' '))
})
