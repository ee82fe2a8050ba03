#!/usr/bin/env node
import { packageVersion } from '../lib/node-package-version.js'
import type { Command, CommandGroup } from './command.js'
import { commandWord } from './command-word.js'
import { ProcessIo } from './process-io.js'
import { runCommandLine } from './run-command-line.js'

const words = process.argv.slice(2)
const commands = await commandsFor(words)
const names: ReadonlySet<string> = new Set(commands.map(command => command.name))
const io = new ProcessIo(process)
// Also hides what was typed: a URL with a password would stand in the list of processes (S81).
process.title = ['lovage', ...words.filter(word => names.has(word)).slice(0, 1)].join(' ')
process.exitCode = await runCommandLine(words, io, { commands, version: packageVersion() })
await io.flush()
// Handles that a user's module left open (timers, sockets of its own) must not keep a finished command alive.
process.exit()

/** Loading is most of what a start costs, and a worker is what is started most: it does without the other commands. */
async function commandsFor(words: readonly string[]): Promise<readonly (Command | CommandGroup)[]> {
  if (commandWord(words) === 'worker') return [(await import('./commands/worker.js')).worker]
  return (await import('./commands.js')).COMMANDS
}
