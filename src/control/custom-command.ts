import { ConfigError } from '../lib/errors.js'
import { type CommandKind, type CommandSpec, type CommandWordType, findCommand } from '../protocol/control-commands.js'
import { nameProblem } from '../protocol/ids.js'
import type { CommandTable } from './command-table.js'

/** The worker that runs a command. */
export interface CommandWorker {
  /** Node name. */
  readonly name: string
}

/**
 * Gets the arguments by the names that the asker sent, checked for nothing but those that are required. What it gives is the
 * reply: plain data, for others to read, `{ ok: … }` where it is an act that was done. What it throws is told to the asker.
 */
export type CommandHandler = (given: Readonly<Record<string, unknown>>, worker: CommandWorker) => unknown

export interface CustomCommandOptions {
  /** Another name for it. */
  readonly alias?: string
  /** One line, for command lines. */
  readonly help?: string
  /** Words that a command line takes, in order: argument and type. */
  readonly args?: Readonly<Record<string, CommandWordType>>
  /** The argument that gets all further words, as a list. */
  readonly variadic?: string
  /** Arguments without which it is not run. */
  readonly required?: readonly string[]
  /** The words as `--help` shows them: `<level> [seconds]`. */
  readonly usage?: string
  /** Not offered by command lines. */
  readonly hidden?: boolean
}

export interface CustomCommand {
  readonly spec: CommandSpec
  readonly handler: CommandHandler
}

const OPTIONS: readonly string[] = ['alias', 'help', 'args', 'variadic', 'required', 'usage', 'hidden']
const WORD_TYPES: readonly string[] = ['text', 'integer', 'number', 'boolean'] satisfies CommandWordType[]

/** Throws `LVG_BAD_OPTION`, `LVG_UNKNOWN_OPTION`, `LVG_DUPLICATE_COMMAND`. */
export function customCommand(
  kind: CommandKind,
  name: string,
  handler: CommandHandler,
  options: CustomCommandOptions,
  known: readonly CommandSpec[],
): CustomCommand {
  const { alias, args = {}, required = [], variadic, help = '', usage, hidden } = options
  for (const option of Object.keys(options)) {
    if (!OPTIONS.includes(option)) {
      throw new ConfigError(
        'LVG_UNKNOWN_OPTION',
        `Command ${name} has no option ${option}; known: ${OPTIONS.join(', ')}.`,
      )
    }
  }
  for (const each of alias === undefined ? [name] : [name, alias]) {
    const problem = nameProblem(each)
    if (problem !== undefined) throw badOption(`The name of a command ${problem}.`)
    if (findCommand(each) !== undefined || findCommand(each, known) !== undefined) {
      const text = `There is a command ${each} already. Give one of the two another name.`
      throw new ConfigError('LVG_DUPLICATE_COMMAND', text)
    }
  }
  if (typeof handler !== 'function')
    throw badOption(`The handler of command ${name} is ${typeof handler}; it must be a function.`)
  const words = Object.entries(args)
  const odd = words.find(([, type]) => !WORD_TYPES.includes(type))
  if (odd !== undefined)
    throw badOption(`Argument ${odd[0]} of command ${name} must be one of ${WORD_TYPES.join(', ')}.`)
  return { spec: { kind, name, alias, hidden, help, required, words, variadic, usage }, handler }
}

/** The commands of a worker, and those that its app has added. */
export function withCustomCommands(
  table: CommandTable,
  commands: readonly CustomCommand[],
  worker: CommandWorker,
): CommandTable {
  if (commands.length === 0) return table
  return {
    specs: [...(table.specs ?? []), ...commands.map(({ spec }) => spec)],
    run: (method, given) => {
      const command = commands.find(({ spec }) => spec.name === method)
      return command === undefined ? table.run(method, given) : command.handler(given, worker)
    },
  }
}

function badOption(message: string): ConfigError {
  return new ConfigError('LVG_BAD_OPTION', message)
}
