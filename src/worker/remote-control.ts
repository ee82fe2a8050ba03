import type { App } from '../app/app.js'
import { mailboxSettings } from '../app/mailbox-settings.js'
import type { CommandTable } from '../control/command-table.js'
import { withCustomCommands } from '../control/custom-command.js'
import { nodeQueue } from '../control/mailbox-topology.js'
import { NodeMailbox } from '../control/node-mailbox.js'
import { ConfigError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { NodeName } from '../protocol/ids.js'
import type { Companion } from './companion.js'
import { NamesakeWatch } from './namesake-watch.js'
import type { RejectionLines } from './rejection-lines.js'

export interface RemoteControlParts {
  readonly app: App
  readonly name: NodeName
  readonly runtime: Runtime
  readonly commands: CommandTable
  readonly rejections: RejectionLines
  /** Nobody else would notice a worker of the same name. */
  readonly watchNamesakes: boolean
  /** A request came, whether it was for this worker or not. */
  heard?(): void
}

/** The worker's mailbox; none where remote control is off. Throws `LVG_SIGNING_SETUP`. */
export function remoteControl(parts: RemoteControlParts): readonly Companion[] {
  const { app, name, runtime, rejections } = parts
  const { settings } = app
  const policy = settings.remoteControl
  if (!settings.workerEnableRemoteControl || policy === 'none') return []
  if (policy === 'signed' && settings.taskSerializer !== 'auth') {
    throw new ConfigError(
      'LVG_SIGNING_SETUP',
      "`remoteControl: 'signed'` needs messages that are signed, here and by those who control: set `taskSerializer: 'auth'` and the settings `security…`.",
    )
  }
  const mailbox = mailboxSettings(settings)
  return [
    new NodeMailbox({
      runtime,
      node: name,
      settings: mailbox,
      codec: app.codec,
      policy,
      commands: withCustomCommands(parts.commands, app.commands, { name }),
      ...(parts.heard === undefined ? {} : { heard: parts.heard }),
      rejected: detail =>
        rejections.tell(`A message of remote control was dropped: ${detail}`, {
          reason: 'malformed',
          queue: `${name}.${mailbox.namespace}.pidbox`,
        }),
    }),
    ...(parts.watchNamesakes
      ? [new NamesakeWatch({ runtime, self: name, mailbox: nodeQueue(name, mailbox).name })]
      : []),
  ]
}
