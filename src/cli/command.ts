import type { ExitCode } from './exit-code.js'
import type { GlobalOptions } from './global-options.js'
import type { Io } from './io.js'
import type { LoadedApp } from './loaded-app.js'
import type { OptionTable, OptionValues } from './option.js'
import type { Output } from './output.js'

/** One command of `lovage`: what it is called, what it takes, what it does. */
export interface Command {
  readonly kind: 'command'
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Paragraphs for `--help`. */
  readonly description: string
  readonly arguments: readonly ArgumentSpec[]
  readonly options: OptionTable
  readonly examples: readonly Example[]
  /** `values` are what `options` parse to; `defineCommand` gives them their types. */
  run(context: CommandContext, values: Readonly<Record<string, unknown>>, io: Io): Promise<ExitCode>
}

/** Commands under a common word: `lovage dead list`. */
export interface CommandGroup {
  readonly kind: 'group'
  readonly name: string
  readonly summary: string
  readonly description: string
  readonly commands: readonly Command[]
}

export interface ArgumentSpec {
  readonly name: string
  readonly description: string
  readonly required: boolean
  /** Takes all that is left. Only the last one may. */
  readonly variadic?: boolean
}

export interface Example {
  /** What to type. */
  readonly line: string
  readonly does: string
}

/** What every command is given besides its own options. */
export interface CommandContext {
  readonly global: GlobalOptions
  /** Positional arguments by name; a variadic one holds several. */
  readonly arguments: Readonly<Record<string, readonly string[]>>
  readonly out: Output
  /** Loads what `-A` names. Throws `ConfigError`; the app is disposed when the command has ended. */
  loadApp(options?: LoadAppOptions): Promise<LoadedApp>
}

export interface LoadAppOptions {
  /** Settings above all others, under any of their names. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** A broker URL without any module is not enough. */
  readonly needsTasks?: boolean
  /** More modules to load after the app. */
  readonly include?: readonly string[]
}

interface CommandDefinition<O extends OptionTable> {
  readonly name: string
  readonly summary: string
  readonly description: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options: O
  readonly examples: readonly Example[]
  run(context: CommandContext, options: OptionValues<O>, io: Io): Promise<ExitCode>
}

export function defineCommand<const O extends OptionTable>(definition: CommandDefinition<O>): Command {
  return {
    kind: 'command',
    name: definition.name,
    summary: definition.summary,
    description: definition.description,
    arguments: definition.arguments ?? [],
    options: definition.options,
    examples: definition.examples,
    // The values come from cli/parse.ts, which reads each by the table's own `parse`: their types are the table's.
    run: (context, values, io) => definition.run(context, values as OptionValues<O>, io),
  }
}
