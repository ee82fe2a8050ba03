import type { CommandSpec } from '../protocol/control-commands.js'

/*
 * What a worker can be told. The mailbox finds the command, resolves its alias, checks policy and arguments
 * (protocol/control-commands.ts), and then runs it here: one request at a time, in the order in which they came, also while
 * every slot is busy.
 */
export interface CommandTable {
  /** Commands beside Celery's (`CONTROL_COMMANDS`). Default none. */
  readonly specs?: readonly CommandSpec[]
  /**
   * Runs one command by its canonical name (`active`, not `dump_active`) with the arguments as they were sent, in the words of
   * the wire (`task_name`), all required ones among them. What it gives is the reply's value, plain data as it goes onto the wire;
   * `undefined` goes as null. What it throws goes as `{"error": "<repr>"}`: a `CommandError` as the Python exception that it
   * names, anything else by its own name and message.
   */
  run(method: string, args: Readonly<Record<string, unknown>>): unknown
}

/** What a command gives that is never answered: `shutdown`. */
export const NO_REPLY: unique symbol = Symbol('no reply')
