import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseJson } from '../protocol/json.js'
import { UsageError } from './errors.js'
import type { Io } from './io.js'

/** More than this is not typed by anybody; a program that has more uses the API. */
const LIMIT_BYTES = 8 * 1024 * 1024

/**
 * A value typed as JSON: the JSON itself, `@file` or `-` for standard input.
 *
 * @throws UsageError with the option's name and where the text stops being JSON (M51)
 */
export async function readJsonArgument(option: string, given: string, io: Io): Promise<unknown> {
  const source = await sourceText(option, given, io)
  if (Buffer.byteLength(source) > LIMIT_BYTES) throw tooLarge(option)
  try {
    return parseJson(source)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`option ${option} cannot be read: ${reason.replace(/\.$/, '')}. Nothing was sent.`, { cause })
  }
}

async function sourceText(option: string, given: string, io: Io): Promise<string> {
  if (given === '-') {
    const text = await io.stdin.readAll(LIMIT_BYTES)
    if (text === undefined) throw tooLarge(option)
    return text
  }
  if (!given.startsWith('@')) return given
  const file = resolve(io.cwd(), given.slice(1))
  try {
    if (statSync(file).size > LIMIT_BYTES) throw tooLarge(option)
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`option ${option}: ${file} cannot be read: ${reason}. Nothing was sent.`, { cause })
  }
}

function tooLarge(option: string): UsageError {
  return new UsageError(
    `option ${option} holds more than 8 MiB. Nothing was sent; use app.sendTask in a program of your own.`,
  )
}
