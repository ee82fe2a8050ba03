#!/usr/bin/env node
import { COMMANDS } from './commands.js'
import { packageVersion } from './package-version.js'
import { ProcessIo } from './process-io.js'
import { runCommandLine } from './run-command-line.js'

const NAMES: ReadonlySet<string> = new Set(COMMANDS.map(command => command.name))
const words = process.argv.slice(2)
const io = new ProcessIo(process)
// Also hides what was typed: a URL with a password would stand in the list of processes (S81).
process.title = ['lovage', ...words.filter(word => NAMES.has(word)).slice(0, 1)].join(' ')
process.exitCode = await runCommandLine(words, io, { commands: COMMANDS, version: packageVersion() })
await io.flush()
// Handles that a user's module left open (timers, sockets of its own) must not keep a finished command alive.
process.exit()
