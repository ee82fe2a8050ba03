import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnroutableError } from '../../src/brokers/errors.js'
import { type Command, defineCommand } from '../../src/cli/command.js'
import { runCommandLine } from '../../src/cli/run-command-line.js'
import { BackendError, BrokerError, ConfigError, LovageError, TaskError } from '../../src/index.js'
import { FakeIo } from './fake-io.js'

function failing(error: unknown): Command {
  return defineCommand({
    name: 'fail',
    summary: 'Fails.',
    description: 'Fails.',
    options: {},
    examples: [],
    run: () => Promise.reject(error),
  })
}

async function fail(
  error: unknown,
  words: readonly string[] = [],
): Promise<{ readonly code: number; readonly stderr: string }> {
  const io = new FakeIo()
  const code = await runCommandLine(['fail', ...words], io, { commands: [failing(error)], version: '0' })
  return { code, stderr: io.stderr.text }
}

for (const [what, error, code] of [
  ['wrong configuration', new ConfigError('LVG_X', 'x'), 2],
  ['a broker that may come back', new BrokerError('LVG_X', 'x', { transient: true }), 69],
  [
    'a broker that cannot be used before somebody changes something',
    new BrokerError('LVG_X', 'x', { transient: false }),
    2,
  ],
  ['a broker that said no to a message', new UnroutableError('LVG_X', 'x', { transient: false }), 1],
  ['a result backend that may come back', new BackendError('LVG_X', 'x', { transient: true }), 69],
  ['a task that failed', new TaskError({ type: 'ValueError', args: ['bad'], module: 'builtins' }), 1],
  ['anything else of ours', new LovageError('LVG_X', 'x'), 1],
  ['a bug', new TypeError('x is not a function'), 1],
  ['something that is no error', 'just text', 1],
] as const) {
  test(`D80 ${what} exits with ${code}`, async () => {
    assert.equal((await fail(error)).code, code)
  })
}

test('an error is printed as its code and sentence, without a stack', async () => {
  assert.equal((await fail(new ConfigError('LVG_X', 'It broke.'))).stderr, 'LVG_X: It broke.\n')
})

test('--debug adds the stack and the causes', async () => {
  const cause = new Error('the root of it')
  const { stderr } = await fail(new ConfigError('LVG_X', 'It broke.', { cause }), ['--debug'])
  assert.match(stderr, /^LVG_X: It broke\.\n/)
  assert.match(stderr, /\n {4}at /)
  assert.match(stderr, /caused by: Error: the root of it/)
})

test('S100 an error from outside cannot move the cursor', async () => {
  const { stderr } = await fail(new Error('evil\u001b[2J\nforged'), ['--debug'])
  assert.ok(!stderr.includes('\u001b'))
  assert.ok(!stderr.split('\n').includes('forged'), stderr)
})
