import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { argumentProblem, CONTROL_COMMANDS, type CommandSpec, findCommand } from './control-commands.js'

function command(name: string): CommandSpec {
  const found = findCommand(name)
  if (found === undefined) assert.fail(name)
  return found
}

describe('control commands', () => {
  it('have one name each, aliases included', () => {
    const names = CONTROL_COMMANDS.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]))
    assert.equal(new Set(names).size, names.length)
  })

  it('are found by their old names', () => {
    assert.equal(command('dump_active').name, 'active')
    assert.equal(findCommand('nosuch'), undefined)
  })

  it('name the arguments that their words fill', () => {
    for (const { name, words = [], variadic, required = [], optional = [] } of CONTROL_COMMANDS) {
      const filled = [...words.map(([argument]) => argument), ...(variadic === undefined ? [] : [variadic])]
      for (const argument of filled) assert.ok([...required, ...optional].includes(argument), `${name} ${argument}`)
    }
  })
})

describe('the arguments of a command', () => {
  /** Said by Python 3.11. */
  const cases: readonly (readonly [name: string, given: Record<string, unknown>, problem: string | undefined])[] = [
    ['rate_limit', { task_name: 't', rate_limit: '1/m' }, undefined],
    ['rate_limit', { task_name: 't' }, "rate_limit() missing 1 required positional argument: 'rate_limit'"],
    ['rate_limit', {}, "rate_limit() missing 2 required positional arguments: 'task_name' and 'rate_limit'"],
    ['rate_limit', { task_name: 't', rate_limit: 1, future: 1 }, undefined],
    ['report', { x: 1 }, "report() got an unexpected keyword argument 'x'"],
    ['autoscale', { max: 1, least: 1 }, "autoscale() got an unexpected keyword argument 'least'"],
    ['ping', { x: 1 }, undefined],
    ['dump_tasks', { builtins: true }, undefined],
  ]
  for (const [name, given, problem] of cases) {
    it(`${JSON.stringify(given)} of ${name}: ${problem ?? 'fine'}`, () => {
      assert.equal(argumentProblem(command(name), given), problem)
    })
  }

  it('that are missing are enumerated as Python does', () => {
    const three: CommandSpec = { name: 'f', kind: 'control', help: '', required: ['a', 'b', 'c'] }
    assert.equal(argumentProblem(three, {}), "f() missing 3 required positional arguments: 'a', 'b', and 'c'")
  })
})
