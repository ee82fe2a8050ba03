import { Argument, Command as Commander, CommanderError, Option } from 'commander'
import type { Command, CommandGroup } from './command.js'
import { UsageError } from './errors.js'
import { GLOBAL_OPTIONS, type GlobalOptions } from './global-options.js'
import type { Io } from './io.js'
import type { OptionSpec, OptionTable } from './option.js'

/** What a command line asks for. */
export type Parsed =
  | {
      readonly kind: 'run'
      readonly command: Command
      readonly global: GlobalOptions
      readonly values: Readonly<Record<string, unknown>>
      readonly arguments: Readonly<Record<string, readonly string[]>>
    }
  /** `--help` or `--version`: print this. */
  | { readonly kind: 'print'; readonly text: string }
  /** Nothing was asked: print the help where errors go. */
  | { readonly kind: 'nothing'; readonly help: string }

type Environment = Io['env']

/**
 * Reads a command line by the commands' tables; commander splits the words, the tables give them meaning.
 *
 * @throws UsageError for unknown commands and options (with the nearest known one), missing arguments, bad values
 */
export function parseCommandLine(
  words: readonly string[],
  commands: readonly (Command | CommandGroup)[],
  options: { readonly version: string; readonly env: Environment },
): Parsed {
  let printed = ''
  let chosen: Parsed | undefined
  const program = buildProgram(commands, options.version, (command, opts, args) => {
    chosen = {
      kind: 'run',
      command,
      global: readOptions(GLOBAL_OPTIONS, opts, options.env) as unknown as GlobalOptions,
      values: readOptions(command.options, opts, options.env),
      arguments: nameArguments(command, args),
    }
  })
  configure(program, text => {
    printed += text
  })
  if (words.length === 0) return { kind: 'nothing', help: program.helpInformation() }
  try {
    program.parse([...words], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'print', text: printed }
    if (error.code === 'commander.help') return { kind: 'nothing', help: printed }
    throw new UsageError(readable(error.message), { cause: error })
  }
  if (chosen === undefined) throw new UsageError('no command was given; see lovage --help')
  return chosen
}

/** The help text of one command, as `--help` prints it. */
export function helpText(
  commands: readonly (Command | CommandGroup)[],
  path: readonly string[],
  version: string,
): string {
  const parsed = parseCommandLine([...path, '--help'], commands, { version, env: {} })
  return parsed.kind === 'print' ? parsed.text : ''
}

type Choose = (command: Command, options: Readonly<Record<string, unknown>>, args: readonly string[]) => void

function buildProgram(commands: readonly (Command | CommandGroup)[], version: string, choose: Choose): Commander {
  const program = new Commander('lovage')
    .description('Distributed tasks for TypeScript, speaking the protocol of Celery.')
    .version(`lovage ${version}`, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help; after a command, its own.')
    .addHelpText(
      'after',
      '\nStart with:\n  lovage init my-project     a project that works\n  lovage worker --help       options and examples of a command',
    )
  addOptions(program, GLOBAL_OPTIONS)
  for (const each of commands) {
    if (each.kind === 'command') addCommand(program, each, choose)
    else {
      const group = program.command(each.name).summary(each.summary).description(each.description)
      for (const command of each.commands) addCommand(group, command, choose)
    }
  }
  return program
}

function addCommand(parent: Commander, command: Command, choose: Choose): void {
  const built = parent.command(command.name).summary(command.summary).description(command.description)
  for (const { name, description, required, variadic } of command.arguments) {
    const inner = variadic ? `${name}...` : name
    built.addArgument(new Argument(required ? `<${inner}>` : `[${inner}]`, description))
  }
  addOptions(built, command.options)
  if (command.examples.length > 0) built.addHelpText('after', `\nExamples:\n${examplesText(command)}`)
  built.action(() => choose(command, built.optsWithGlobals(), built.args))
}

function addOptions(to: Commander, table: OptionTable): void {
  for (const spec of Object.values(table)) {
    const variables = variablesOf(spec)
    const env = variables.length === 0 ? '' : ` [env: ${variables.join(', ')}]`
    const option = takesText(new Option(spec.flags, `${spec.description}${env}`))
    if (spec.section !== undefined) option.helpGroup(`${spec.section}:`)
    to.addOption(option)
    if (spec.alias !== undefined) to.addOption(takesText(new Option(spec.alias, spec.description)).hideHelp())
  }
}

/** Keeps every text that is given for an option; one without a text is just present. */
function takesText(option: Option): Option {
  return option.required ? option.argParser(collect) : option
}

function collect(piece: string, before: unknown): readonly string[] {
  return [...(Array.isArray(before) ? before : []), piece]
}

function examplesText(command: Command): string {
  return command.examples.map(({ line, does }) => `  ${line}\n      ${does}`).join('\n')
}

function configure(program: Commander, print: (text: string) => void): void {
  const all = [program, ...program.commands, ...program.commands.flatMap(command => command.commands)]
  for (const each of all) {
    each
      .exitOverride()
      .configureOutput({
        writeOut: print,
        writeErr: print,
        outputError: () => {},
        getOutHelpWidth: () => 110,
        getErrHelpWidth: () => 110,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      })
      .configureHelp({ showGlobalOptions: true })
      .helpCommand(false)
  }
}

function readOptions(
  table: OptionTable,
  given: Readonly<Record<string, unknown>>,
  env: Environment,
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(table)) values[name] = readOption(spec, given, env)
  return values
}

function readOption(spec: OptionSpec<unknown>, given: Readonly<Record<string, unknown>>, env: Environment): unknown {
  const texts = [spec.flags, spec.alias].flatMap(flags => (flags === undefined ? [] : pieces(new Option(flags), given)))
  if (texts.length > 0) return named(`option ${longFlag(spec)}`, () => spec.parse(texts))
  const variable = variablesOf(spec).find(name => (env[name] ?? '') !== '')
  if (variable === undefined || spec.settingEnv.includes(variable)) return spec.fallback
  return named(`environment variable ${variable}`, () => spec.parse([env[variable] ?? '']))
}

/** What commander collected for an option: nothing, texts, or a bare presence. `--no-x` is kept as `x: false`. */
function pieces(option: Option, given: Readonly<Record<string, unknown>>): readonly string[] {
  const value = given[option.attributeName()]
  if (option.negate) return value === false ? ['yes'] : []
  if (value === true) return ['yes']
  return Array.isArray(value) ? value : []
}

/** Every environment variable that has the option's effect, strongest first. */
export function variablesOf(spec: OptionSpec<unknown>): readonly string[] {
  return [...spec.settingEnv, ...spec.env]
}

/** `-c, --concurrency <n>` → `--concurrency`. */
export function longFlag(spec: OptionSpec<unknown>): string {
  return /--[\w-]+/.exec(spec.flags)?.[0] ?? spec.flags
}

function named<T>(where: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    throw new UsageError(`${where}: ${cause.message}`, { cause })
  }
}

function nameArguments(command: Command, args: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {}
  command.arguments.forEach(({ name, variadic }, i) => {
    found[name] = variadic ? args.slice(i) : args.slice(i, i + 1)
  })
  return found
}

function readable(message: string): string {
  return message.replace(/^error: /, '').replaceAll('\n', ' ')
}
