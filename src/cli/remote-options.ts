import type { AskOptions } from '../index.js'
import type { Ms } from '../lib/time.js'
import { CommandError } from './errors.js'
import { EXIT } from './exit-code.js'
import type { Io } from './io.js'
import { duration, list, type OptionSpec, type OptionTable, type OptionValues } from './option.js'
import { type Output, outside } from './output.js'
import { counted } from './plural.js'
import { replyLines, replyStatus } from './remote-reply.js'

interface RemoteOptions extends OptionTable {
  readonly timeout: OptionSpec<Ms | undefined>
  readonly destination: OptionSpec<readonly string[] | undefined>
}

/** Of every command that asks workers. */
export const REMOTE_OPTIONS: RemoteOptions = {
  timeout: duration(
    '-t, --timeout <span>',
    'Longest wait for the first reply, and from each to the next. Default: 1 s.',
    { section: 'Remote control' },
  ),
  destination: list('-d, --destination <nodes>', 'Ask only these nodes: names with commas between.', {
    section: 'Remote control',
  }),
}

/** How to ask, and what to say of each reply as it comes. */
export function askOptions(
  { timeout, destination }: OptionValues<RemoteOptions>,
  out: Output,
  io: Io,
  shown: 'status' | 'reply',
): AskOptions {
  const say = (node: string, reply: unknown): void => {
    if (out.json) return
    io.stdout.write(`->  ${outside(node)}: ${replyStatus(reply)}\n`)
    if (shown === 'reply') for (const line of replyLines(reply)) io.stdout.write(`${line}\n`)
  }
  return { timeout: timeout === undefined ? undefined : `${timeout}ms`, destination, onReply: say, signal: io.signal }
}

/** What Celery's command line says and does when nobody has answered. */
export function noReply(): CommandError {
  return new CommandError('LVG_NO_REPLY', 'No nodes replied within time constraint', { exitCode: EXIT.unavailable })
}

/** `2 nodes online.` */
export function online(replies: object, out: Output): void {
  if (!out.quiet && !out.json) out.say(['', `${counted(Object.keys(replies).length, 'node')} online.`])
}
