import type { Command, CommandGroup } from './command.js'
import { GLOBAL_OPTIONS } from './global-options.js'
import type { OptionSpec, OptionTable } from './option.js'
import { variablesOf } from './parse.js'

/** The text of docs/reference/cli.md, from the tables of the commands. */
export function cliReference(commands: readonly (Command | CommandGroup)[]): string {
  const sections = commands.flatMap(each =>
    each.kind === 'command'
      ? [commandSection(each, `lovage ${each.name}`)]
      : [
          `## lovage ${each.name}`,
          each.description,
          ...each.commands.map(command => commandSection(command, `lovage ${each.name} ${command.name}`, '###')),
        ],
  )
  return `${[HEAD, '## Options of every command', 'They may stand before or after the name of the command.', optionTable(GLOBAL_OPTIONS), ...sections, EXITS].join('\n\n')}\n`
}

const HEAD = `# The command line

Generated from the option tables in \`src/cli\`; a test keeps both the same. Where a variable of the environment is named, it stands for the option; the option wins.
With \`--json\` a command prints one JSON document on standard output, and an error as \`{"error": {"code", "message"}}\` on standard error.`

const EXITS = `## Exit status

| status | meaning |
| --- | --- |
| 0 | done; a worker: stopped by TERM, QUIT or remote command |
| 1 | it failed; a worker: stopped by INT (Ctrl-C), as Celery's |
| 2 | wrong use or configuration: nothing was done |
| 69 | the broker or the result backend cannot be reached |
| 73 | another living process holds the pid file |
| 74 | reading or writing failed, or a store is damaged |
| 128 + n | ended by signal n before it could end by itself |

## Signals of a worker

| signal | effect |
| --- | --- |
| TERM | warm: nothing new is taken, running tasks finish; repeated ones change nothing |
| INT | warm; the second one cold |
| QUIT | cold: running tasks are interrupted; with \`workerSoftShutdownTimeout\` they first have that long to finish |
| the third of INT and QUIT | the process exits at once (with a soft shutdown timeout, after INT: the fourth) |
| HUP | the log file is opened anew; where there is a terminal, as TERM |
| USR1 | one line in the log: how many tasks are running |

\`REMAP_SIGTERM=SIGQUIT\` in the environment gives TERM the meaning of QUIT.`

function commandSection(command: Command, title: string, level = '##'): string {
  const args = command.arguments.map(({ name, required, variadic }) => {
    const inner = variadic ? `${name}…` : name
    return required ? ` <${inner}>` : ` [${inner}]`
  })
  return [
    `${level} ${title}`,
    command.description,
    `    ${title}${args.join('')}${Object.keys(command.options).length === 0 ? '' : ' [options]'}`,
    ...(command.arguments.length === 0 ? [] : [argumentTable(command)]),
    ...(Object.keys(command.options).length === 0 ? [] : [optionTable(command.options)]),
    ...(command.examples.length === 0
      ? []
      : [command.examples.map(({ line, does }) => `    ${line}\n        ${does}`).join('\n')]),
  ].join('\n\n')
}

function argumentTable(command: Command): string {
  const rows = command.arguments.map(({ name, description }) => `| \`${name}\` | ${cell(description)} |`)
  return ['| argument | meaning |', '| --- | --- |', ...rows].join('\n')
}

function optionTable(table: OptionTable): string {
  return ['| option | meaning | environment |', '| --- | --- | --- |', ...Object.values(table).map(optionRow)].join(
    '\n',
  )
}

function optionRow(spec: OptionSpec<unknown>): string {
  const flags = [spec.flags, spec.alias].filter(each => each !== undefined).map(each => `\`${each}\``)
  return `| ${flags.join(', ')} | ${cell(spec.description)} | ${variablesOf(spec)
    .map(name => `\`${name}\``)
    .join(', ')} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
