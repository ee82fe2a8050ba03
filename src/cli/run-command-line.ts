import { DamagedResultsError } from '../backends/errors.js'
import { BeatStoreError, EntryError } from '../beat.js'
import { DamagedStoreError } from '../brokers/errors.js'
import { SqliteDamagedError, SqliteError } from '../drivers/errors.js'
import {
  BackendError,
  BrokerError,
  ConfigError,
  EncodeError,
  LovageError,
  ProtocolError,
  StallError,
} from '../index.js'
import { escapeText } from '../lib/escape-text.js'
import type { Command, CommandContext, CommandGroup } from './command.js'
import { CommandError, Interrupted } from './errors.js'
import { EXIT, type ExitCode } from './exit-code.js'
import type { Io } from './io.js'
import { loadApp } from './load-app.js'
import type { LoadedApp } from './loaded-app.js'
import { Output, printDocument } from './output.js'
import { type Parsed, parseCommandLine } from './parse.js'

export interface CommandLineOptions {
  readonly commands: readonly (Command | CommandGroup)[]
  readonly version: string
}

/** Reads the words of a command line, does what they say and resolves to the exit status. Never rejects: errors are printed. */
export async function runCommandLine(words: readonly string[], io: Io, options: CommandLineOptions): Promise<ExitCode> {
  try {
    const parsed = parseCommandLine(words, options.commands, { version: options.version, env: io.env })
    return await obey(parsed, io)
  } catch (error) {
    printError(error, words, io)
    return exitCodeOf(error, io)
  }
}

async function obey(parsed: Parsed, io: Io): Promise<ExitCode> {
  switch (parsed.kind) {
    case 'print':
      io.stdout.write(parsed.text)
      return EXIT.ok
    case 'nothing':
      io.stderr.write(parsed.help)
      return EXIT.usage
    case 'run':
      return await runCommand(parsed, io)
    default:
      return parsed satisfies never
  }
}

async function runCommand(parsed: Extract<Parsed, { kind: 'run' }>, io: Io): Promise<ExitCode> {
  const { command, global } = parsed
  if (global.workdir !== undefined) changeFolder(global.workdir, io)
  const out = new Output(io, { json: global.json, quiet: global.quiet, color: io.isTty.stderr && !global.noColor })
  const loaded: LoadedApp[] = []
  const context: CommandContext = {
    global,
    arguments: parsed.arguments,
    out,
    loadApp: async wish => {
      const found = await loadApp({ global, io, out }, wish ?? {})
      loaded.push(found)
      return found
    },
  }
  try {
    return await command.run(context, parsed.values, io)
  } finally {
    for (const each of loaded) await each[Symbol.asyncDispose]()
  }
}

function changeFolder(path: string, io: Io): void {
  try {
    io.changeFolder(path)
  } catch (cause) {
    throw new ConfigError(
      'LVG_WORKDIR',
      `The working folder ${JSON.stringify(path)} (--workdir) cannot be entered: ${messageOf(cause)}.`,
      { cause },
    )
  }
}

function exitCodeOf(error: unknown, io: Io): ExitCode {
  const { reason } = io.signal
  if (io.signal.aborted && reason instanceof Interrupted) return reason.exitCode
  if (error instanceof CommandError) return error.exitCode
  if (error instanceof StallError) return EXIT.stalled
  if (error instanceof ConfigError || isMisuse(error)) return EXIT.usage
  if (error instanceof DamagedStoreError || error instanceof DamagedResultsError) return EXIT.io
  if (error instanceof SqliteDamagedError || error instanceof SqliteError) return EXIT.io
  // Not what became of one message, but a broker that waiting does not mend: login, rights, arguments, certificates.
  if (error instanceof BrokerError && error.constructor === BrokerError && !error.transient) return EXIT.usage
  if (error instanceof EntryError) return EXIT.usage
  const outer = error instanceof BrokerError || error instanceof BackendError || error instanceof BeatStoreError
  return outer && error.transient ? EXIT.unavailable : EXIT.error
}

/** What was asked for cannot be sent, whoever tries: nothing was. */
function isMisuse(error: unknown): boolean {
  if (error instanceof ProtocolError || error instanceof EncodeError) return true
  return error instanceof LovageError && ['LVG_BAD_OPTION', 'LVG_UNKNOWN_OPTION'].includes(error.code)
}

function printError(error: unknown, words: readonly string[], io: Io): void {
  const code = error instanceof LovageError ? error.code : 'LVG_UNEXPECTED'
  const debug = words.includes('--debug') || !['', '0', undefined].includes(io.env['LOVAGE_DEBUG'])
  if (words.includes('--json')) {
    const stack = debug && error instanceof Error ? { stack: error.stack } : {}
    io.stderr.write(`${printDocument({ error: { code, message: messageOf(error), ...stack } })}\n`)
    return
  }
  io.stderr.write(`${code}: ${escapeText(messageOf(error), 8192)}\n`)
  if (debug && error instanceof Error) io.stderr.write(`${stackOf(error)}\n`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Frames only below our own first line: a message that holds line ends stays on one. */
function stackOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  const own = [`${error.name}: ${escapeText(error.message, 8192)}`, ...frames.map(line => escapeText(line))].join('\n')
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own
}
