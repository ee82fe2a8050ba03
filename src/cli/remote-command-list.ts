import type { CommandSpec } from '../protocol/control-commands.js'

/** One paragraph for each command, for `--help` and the reference. */
export function remoteCommandList(commands: readonly CommandSpec[]): readonly string[] {
  return commands.map(({ name, usage, help }) => `${name}${usage === undefined ? '' : ` ${usage}`}: ${help}`)
}
