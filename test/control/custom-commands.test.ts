import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { App } from '../../src/app/app.js'
import { type CommandTable, NO_REPLY } from '../../src/control/command-table.js'
import { type CustomCommandOptions, withCustomCommands } from '../../src/control/custom-command.js'
import { findCommand } from '../../src/protocol/control-commands.js'
import { handRuntime } from '../app/hand-runtime.js'

const TABLE: CommandTable = { run: method => (method === 'shutdown' ? NO_REPLY : method) }

function app(): App {
  return new App('demo', { brokerUrl: 'memory://' }, { runtime: handRuntime() })
}

describe('a command of the app', () => {
  it('runs beside those of Celery, with its arguments and the name of the worker', () => {
    const one = app().controlCommand('greet', ({ whom }, { name }) => `${name} greets ${whom}`, { alias: 'hail' })
    const table = withCustomCommands(TABLE, one.commands, { name: 'w@h' })
    assert.equal(table.run('greet', { whom: 'you' }), 'w@h greets you')
    assert.equal(table.run('ping', {}), 'ping')
    assert.equal(findCommand('hail', table.specs)?.name, 'greet')
  })

  it('looks or changes something, as it was added', () => {
    const kinds = app()
      .controlCommand('a', () => 1)
      .inspectCommand('b', () => 2)
      .commands.map(({ spec }) => spec.kind)
    assert.deepEqual(kinds, ['control', 'inspect'])
  })

  it('has a name of its own', () => {
    const one = app().inspectCommand('level', () => 1, { alias: 'loudness' })
    for (const name of ['level', 'loudness', 'ping', 'dump_active']) {
      assert.throws(() => one.controlCommand(name, () => 1), { code: 'LVG_DUPLICATE_COMMAND' })
    }
    assert.throws(() => one.controlCommand('x', () => 1, { alias: 'ping' }), { code: 'LVG_DUPLICATE_COMMAND' })
  })

  it('that makes no sense is refused when it is added', () => {
    const bad: readonly (readonly [name: string, handler: unknown, options: object, code: string])[] = [
      ['', () => 1, {}, 'LVG_BAD_OPTION'],
      ['x'.repeat(256), () => 1, {}, 'LVG_BAD_OPTION'],
      ['x', 7, {}, 'LVG_BAD_OPTION'],
      ['x', () => 1, { args: { n: 'number of' } }, 'LVG_BAD_OPTION'],
      ['x', () => 1, { arguments: {} }, 'LVG_UNKNOWN_OPTION'],
    ]
    for (const [name, handler, options, code] of bad) {
      assert.throws(() => app().controlCommand(name, handler as never, options as CustomCommandOptions), { code })
    }
  })
})

describe('whom to ask', () => {
  it('is refused when it makes no sense, before anything is sent', async () => {
    const one = app()
    for (const options of [
      { timeout: 'soon' },
      { limit: 0 },
      { limit: 1.5 },
      { destination: 7 },
      { destination: [7] },
      { pattern: 7 },
      { pattern: 'x', matcher: 'sql' },
      { pattern: 'x', destination: 'y' },
    ]) {
      await assert.rejects(one.inspect(options as never).ping(), { code: 'LVG_BAD_OPTION' }, JSON.stringify(options))
      await assert.rejects(one.control.revoke('id', options as never), { code: 'LVG_BAD_OPTION' })
    }
    await one[Symbol.asyncDispose]()
  })

  it('cannot be asked over an app that is closed', async () => {
    const one = app()
    await one.control.enableEvents()
    await one[Symbol.asyncDispose]()
    await assert.rejects(one.inspect().ping(), { code: 'LVG_CONNECTION_CLOSED' })
  })
})

describe('the setting remoteControl', () => {
  it('is a word or a list of commands', () => {
    const read = (value: unknown): unknown => new App('demo', { remoteControl: value as never }).settings.remoteControl
    assert.equal(read('read'), 'read')
    assert.deepEqual(read(['ping', 'stats']), ['ping', 'stats'])
    assert.throws(() => read('everything'), { code: 'LVG_BAD_SETTING' })
    const environment = { LOVAGE_REMOTE_CONTROL: 'ping,stats' }
    const fromText = new App('demo', {}, { environment }).settings.remoteControl
    assert.deepEqual(fromText, ['ping', 'stats'])
  })
})
