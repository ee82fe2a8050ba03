import type { App } from '../index.js'
import { suggest } from '../lib/suggest.js'
import {
  argumentProblem,
  CONTROL_COMMANDS,
  type CommandKind,
  type CommandSpec,
  findCommand,
} from '../protocol/control-commands.js'
import { UsageError } from './errors.js'

/** Commands of one kind that a command line offers, those of the app last. */
export function offeredCommands(kind: CommandKind, app?: App): readonly CommandSpec[] {
  const all = [...CONTROL_COMMANDS, ...(app?.commands ?? []).map(({ spec }) => spec)]
  return all.filter(spec => spec.kind === kind && spec.hidden !== true)
}

/** @throws UsageError for a command that is not offered */
export function chosenCommand(kind: CommandKind, name: string, app: App): CommandSpec {
  const offered = offeredCommands(kind, app)
  const found = findCommand(name, offered)
  if (found !== undefined) return found
  const names = offered.map(spec => spec.name)
  const near = suggest(name, names)
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  throw new UsageError(`there is no ${kind} command ${JSON.stringify(name)}.${hint} Known: ${names.join(', ')}`)
}

/**
 * Arguments by name, from the words of a command line. Source: celery/bin/control.py `_compile_arguments`.
 *
 * @throws UsageError for words too many, too few, or of the wrong type
 */
export function commandArguments(spec: CommandSpec, words: readonly string[]): Readonly<Record<string, unknown>> {
  const { name, words: places = [], variadic, usage } = spec
  const given: Record<string, unknown> = {}
  for (const [at, [argument, type]] of places.entries()) {
    const word = words[at]
    if (word !== undefined) given[argument] = readWord(word, type, argument)
  }
  const rest = words.slice(places.length)
  if (variadic !== undefined) given[variadic] = rest
  else if (rest.length > 0) {
    throw new UsageError(usage === undefined ? `${name} takes no arguments` : `${name} takes arguments: ${usage}`)
  }
  const problem = argumentProblem(spec, given)
  if (problem !== undefined) throw new UsageError(`${name} takes arguments: ${usage ?? problem}`)
  return given
}

function readWord(word: string, type: 'text' | 'integer' | 'number' | 'boolean', argument: string): unknown {
  switch (type) {
    case 'text':
      return word
    case 'integer':
      if (/^[+-]?\d{1,15}$/.test(word)) return Number(word)
      throw wrong(argument, 'a whole number', word)
    case 'number':
      if (word.trim() !== '' && Number.isFinite(Number(word))) return Number(word)
      throw wrong(argument, 'a number', word)
    case 'boolean':
      if (/^(true|1|yes|on)$/i.test(word)) return true
      if (/^(false|0|no|off)$/i.test(word)) return false
      throw wrong(argument, 'yes or no', word)
    default:
      return type satisfies never
  }
}

function wrong(argument: string, expected: string, word: string): UsageError {
  return new UsageError(`argument ${argument} must be ${expected}; got ${JSON.stringify(word.slice(0, 80))}`)
}
