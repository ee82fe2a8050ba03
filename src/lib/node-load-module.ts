import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Jiti } from 'jiti'
import { ConfigError } from './errors.js'

export type ModuleExports = Readonly<Record<string, unknown>>

/** Modules of this package that the user's modules may import, by the names they import them by; loaded when one is. */
export type Doors = () => Promise<Readonly<Record<string, unknown>>>

/**
 * Runs a module of the user's and returns what it exports. JavaScript is imported by Node itself, TypeScript is stripped
 * of its types by jiti on every Node. What such a file imports from `doors` is this very copy, so that its App is our App
 * and `currentTask()` finds our tasks.
 *
 * @throws ConfigError `LVG_MODULE_SYNTAX`, `LVG_MODULE_FAILED`; a `ConfigError` of the module's own passes unchanged
 */
export async function loadModule(file: string, doors: Doors): Promise<ModuleExports> {
  try {
    if (/\.[mc]?tsx?$/.test(file)) return await (await jitiFor(file, doors)).import<ModuleExports>(file)
    return (await import(pathToFileURL(file).href)) as ModuleExports
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw isSyntaxError(cause) ? await syntax(file, cause, doors) : failed(file, cause)
  }
}

/** Loaded when it is needed: a fifteenth of the start of a worker whose tasks are JavaScript (bench row `ready-command`). */
async function jitiFor(file: string, doors: Doors): Promise<Jiti> {
  const [{ createJiti }, virtualModules] = await Promise.all([import('jiti'), doors()])
  return createJiti(pathToFileURL(file).href, {
    // The cache would stand in the shared temporary folder, where other users of the machine could put code for us to run.
    fsCache: false,
    interopDefault: false,
    virtualModules: { ...virtualModules },
  })
}

function isSyntaxError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'SyntaxError' || error.message.startsWith('ParseError'))
}

async function syntax(file: string, cause: unknown, doors: Doors): Promise<ConfigError> {
  const problem = oneLine(cause).replace(/^(Error|SyntaxError): (ParseError: )?/, '')
  const where = place(cause, file) || (await parsedPlace(file, doors))
  return new ConfigError('LVG_MODULE_SYNTAX', `${file} cannot be parsed: ${problem}${where}.`, { cause })
}

/** Node does not tell where a module of its own loading stops being JavaScript; jiti's parser leaves it in what it makes of it. */
async function parsedPlace(file: string, doors: Doors): Promise<string> {
  const jiti = await jitiFor(file, doors)
  const made = jiti.transform({ source: readFileSync(file, 'utf8'), filename: file, async: true })
  const found = /__JITI_ERROR__ = \{.*"line":(\d+),"column":(\d+)/.exec(made)
  return found === null ? '' : ` (${basename(file)}:${found[1]}:${found[2]})`
}

function failed(file: string, cause: unknown): ConfigError {
  return new ConfigError(
    'LVG_MODULE_FAILED',
    `${file} threw while it was being loaded: ${oneLine(cause)}${place(cause, file)}. Run with --debug for the stack.`,
    { cause },
  )
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${String(error)}`
  return (text.split('\n', 1)[0] ?? '').trim().replace(/\.$/, '')
}

/** ` (tasks.ts:3:7)`, when the stack tells and the message does not. */
function place(error: unknown, file: string): string {
  if (!(error instanceof Error) || error.stack === undefined) return ''
  const escaped = basename(file).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const found = new RegExp(`${escaped}:\\d+(:\\d+)?`).exec(error.stack)
  return found === null || oneLine(error).includes(found[0]) ? '' : ` (${found[0]})`
}
