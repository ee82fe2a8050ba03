import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Command, type CommandGroup, defineCommand } from './command.js'
import { flag, integer, list, text } from './option.js'
import { helpText, type Parsed, parseCommandLine } from './parse.js'

const send: Command = defineCommand({
  name: 'send',
  summary: 'Send something.',
  description: 'Sends something somewhere.',
  arguments: [
    { name: 'what', description: 'What to send.', required: true },
    { name: 'more', description: 'More of it.', required: false, variadic: true },
  ],
  options: {
    queues: list('-Q, --queues <names>', 'Where to.', { env: ['X_QUEUES'], settingEnv: ['LOVAGE_QUEUES'] }),
    count: integer('-c, --count <n>', 'How often.', { min: 1 }),
    purge: flag('--purge', 'First drop.', { alias: '--discard' }),
    note: text('--note <text>', 'A note.'),
  },
  examples: [{ line: 'lovage send it', does: 'Sends it.' }],
  run: async () => 0,
})

const group: CommandGroup = {
  kind: 'group',
  name: 'dead',
  summary: 'The dead.',
  description: 'Looks after the dead.',
  commands: [{ ...send, name: 'list', arguments: [] }],
}

function parse(words: readonly string[], env: Readonly<Record<string, string>> = {}): Parsed {
  return parseCommandLine(words, [send, group], { version: '1.2.3', env })
}

function run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Extract<Parsed, { kind: 'run' }> {
  const parsed = parse(words, env)
  assert.equal(parsed.kind, 'run')
  return parsed as Extract<Parsed, { kind: 'run' }>
}

test('arguments are given by name, and a variadic one takes all that is left', () => {
  assert.deepEqual(run(['send', 'a', 'b', 'c']).arguments, { what: ['a'], more: ['b', 'c'] })
  assert.deepEqual(run(['send', 'a']).arguments, { what: ['a'], more: [] })
})

test('options of every command stand before or after its name', () => {
  assert.equal(run(['-A', 'tasks.ts', 'send', 'a']).global.app, 'tasks.ts')
  assert.equal(run(['send', 'a', '-A', 'tasks.ts']).global.app, 'tasks.ts')
  assert.equal(run(['send', 'a', '--json']).global.json, true)
  assert.equal(run(['send', 'a', '--no-color']).global.noColor, true)
  assert.equal(run(['send', 'a']).global.noColor, false)
})

test('what stands after -- is no option, even when it looks like one', () => {
  assert.deepEqual(run(['send', 'a', '--purge', '--', '--count', 'x=1']).arguments['more'], ['--count', 'x=1'])
})

test('an option has its value by its kind, and undefined or false without it', () => {
  assert.deepEqual(run(['send', 'a', '-Q', 'x,y', '--count', '3', '--purge']).values, {
    queues: ['x', 'y'],
    count: 3,
    purge: true,
    note: undefined,
  })
})

test('another spelling of an option means the same', () => {
  assert.equal(run(['send', 'a', '--discard']).values['purge'], true)
})

test('a variable of the environment stands for an option; the option wins', () => {
  assert.deepEqual(run(['send', 'a'], { X_QUEUES: 'from-env' }).values['queues'], ['from-env'])
  assert.deepEqual(run(['send', 'a', '-Q', 'typed'], { X_QUEUES: 'from-env' }).values['queues'], ['typed'])
  assert.equal(run(['send', 'a'], { X_QUEUES: '' }).values['queues'], undefined)
})

test('a variable that a setting reads itself is left to the settings, and hides those of Celery', () => {
  assert.equal(run(['send', 'a'], { LOVAGE_QUEUES: 'ours', X_QUEUES: 'theirs' }).values['queues'], undefined)
})

test('a bad value names the option, or the variable it came from', () => {
  assert.throws(() => run(['send', 'a', '-c', 'many']), { code: 'LVG_USAGE', message: /option --count: .*"many"/ })
  assert.throws(() => run(['send', 'a'], { X_QUEUES: 'a,,b' }), {
    code: 'LVG_USAGE',
    message: /environment variable X_QUEUES/,
  })
})

test('an unknown command or option suggests the nearest known one', () => {
  assert.throws(() => parse(['sent', 'a']), { code: 'LVG_USAGE', message: /'sent'.*send/ })
  assert.throws(() => parse(['send', 'a', '--cont', '3']), { code: 'LVG_USAGE', message: /'--cont'.*--count/ })
  assert.throws(() => parse(['dead', 'lst']), { code: 'LVG_USAGE', message: /'lst'.*list/ })
})

test('a missing argument and a missing value are named', () => {
  assert.throws(() => parse(['send']), { code: 'LVG_USAGE', message: /'what'/ })
  assert.throws(() => parse(['send', 'a', '--note']), { code: 'LVG_USAGE', message: /--note/ })
})

test('nothing asked is answered with help', () => {
  assert.equal(parse([]).kind, 'nothing')
  assert.equal(parse(['dead']).kind, 'nothing')
})

test('--version prints the version', () => {
  assert.deepEqual(parse(['--version']), { kind: 'print', text: 'lovage 1.2.3\n' })
})

test('help of a command shows its arguments, options, variables, examples, and the options of every command', () => {
  const help = helpText([send, group], ['send'], '1.2.3')
  for (const part of ['Sends something somewhere.', '<what>', '--queues', 'X_QUEUES', 'lovage send it', '--app']) {
    assert.ok(help.includes(part), part)
  }
  assert.ok(!help.includes('--discard'))
})
