import { parseDuration } from '../lib/duration.js'
import { escapeText } from '../lib/escape-text.js'
import type { Ms } from '../lib/time.js'
import { UsageError } from './errors.js'

/**
 * One option of the command line, as data: parsing, `--help`, the reference page and the names of environment variables
 * come from it.
 */
export interface OptionSpec<T> {
  /** As commander reads them: `-c, --concurrency <n>`. */
  readonly flags: string
  /** Other long spelling with the same meaning: `--discard`. */
  readonly alias: string | undefined
  readonly description: string
  readonly kind: OptionKind
  /** Without the option: its value, or undefined. */
  readonly fallback: T
  /** Environment variables that stand for it, first one that is set wins; the command line wins over them. */
  readonly env: readonly string[]
  /** Variables that the settings read themselves: when one of these is set, `env` is not looked at. */
  readonly settingEnv: readonly string[]
  /** Heading in `--help`. */
  readonly section: string | undefined
  /** The pieces given on the command line, or the one text of an environment variable. Throws `UsageError` saying what is expected. */
  parse(texts: readonly string[]): T
}

export type OptionKind = 'flag' | 'text' | 'integer' | 'number' | 'list' | 'choice' | 'duration'

export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>

export type OptionValues<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never
}

export interface OptionExtras {
  readonly env?: readonly string[]
  readonly settingEnv?: readonly string[]
  readonly section?: string
  readonly alias?: string
}

/** Present or not; an environment variable sets it with anything but nothing, `0`, `false`, `no` and `off`. */
export function flag(flags: string, description: string, extras: OptionExtras = {}): OptionSpec<boolean> {
  return spec('flag', flags, description, extras, false, texts => {
    return !['', '0', 'false', 'no', 'off'].includes(last(texts).toLowerCase())
  })
}

export function text(flags: string, description: string, extras: OptionExtras = {}): OptionSpec<string | undefined> {
  return spec('text', flags, description, extras, undefined, last)
}

export interface NumberExtras extends OptionExtras {
  readonly min?: number
  readonly max?: number
}

export function integer(flags: string, description: string, extras: NumberExtras = {}): OptionSpec<number | undefined> {
  return spec('integer', flags, description, extras, undefined, texts => wholeNumber(last(texts), extras))
}

/** Commas separate, and the option may be repeated. */
export function list(
  flags: string,
  description: string,
  extras: OptionExtras = {},
): OptionSpec<readonly string[] | undefined> {
  return spec('list', flags, description, extras, undefined, texts => {
    const items = texts.flatMap(part => part.split(',')).map(item => item.trim())
    if (items.some(item => item === '')) throw new UsageError(`has an empty name in ${quote(texts.join(','))}`)
    return items
  })
}

/** One of `choices`, in any case of letters; the value is the spelling in the table. */
export function choice<const C extends string>(
  flags: string,
  choices: readonly C[],
  description: string,
  extras: OptionExtras = {},
): OptionSpec<C | undefined> {
  return spec('choice', flags, description, extras, undefined, texts => {
    const wanted = last(texts)
    const found = choices.find(each => each.toLowerCase() === wanted.toLowerCase())
    if (found === undefined) throw new UsageError(`expected one of ${choices.join(', ')}; got ${quote(wanted)}`)
    return found
  })
}

/** A bare number is seconds, as in Celery; `250ms`, `5m`, `2h` are welcome. The value is in ms. */
export function duration(flags: string, description: string, extras: OptionExtras = {}): OptionSpec<Ms | undefined> {
  return spec('duration', flags, description, extras, undefined, texts => {
    const span = parseDuration(last(texts))
    if (span === undefined)
      throw new UsageError(`expected seconds or a span such as 250ms, 5m, 2h; got ${quote(last(texts))}`)
    return span
  })
}

function spec<T>(
  kind: OptionKind,
  flags: string,
  description: string,
  extras: OptionExtras,
  fallback: T,
  parse: (texts: readonly string[]) => T,
): OptionSpec<T> {
  const { env = [], settingEnv = [], section, alias } = extras
  return { flags, alias, description, kind, fallback, env, settingEnv, section, parse }
}

function wholeNumber(
  text: string,
  { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER }: NumberExtras,
): number {
  const value = /^[+-]?\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  const range =
    max === Number.MAX_SAFE_INTEGER
      ? min === Number.MIN_SAFE_INTEGER
        ? ''
        : ` of at least ${min}`
      : ` from ${min} to ${max}`
  throw new UsageError(`expected a whole number${range}; got ${quote(text)}`)
}

function last(texts: readonly string[]): string {
  return texts.at(-1) ?? ''
}

function quote(text: string): string {
  return `"${escapeText(text, 80)}"`
}
