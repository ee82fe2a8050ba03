import { JsonReader } from './json-reader.js'
import { JsonSurveyor, surveyJson } from './json-survey.js'
import { untag } from './json-tags.js'
import { JsonWriter } from './json-writer.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { RAW_LIST_MARK, RawList } from './raw-list.js'
import type { Turn } from './turn.js'
import { ExactNumber, ExactTagged } from './values.js'

/*
 * JSON as Kombu speaks it (kombu/utils/json.py). Both directions have a short way, V8's own, for the texts and values
 * that plain JSON is enough for, and a long way for the rest. A cheap look decides.
 *
 * Reading: `NaN`, `Infinity` are numbers; integers beyond 2^53 are bigints; tagged objects are Dates, Buffers and the
 * classes of values.ts; unknown tags are plain objects; keys such as `__proto__` are data; the last of equal keys wins;
 * a byte order mark is skipped; lone surrogates survive.
 *
 * Writing: `undefined` is null in arrays and at the top, and left out of objects; `toJSON` is asked; Dates, bytes,
 * bigints and the classes of values.ts have their exact form; integral numbers beyond 2^53 and -0 are written as floats,
 * because that is what they are. Refused with an `EncodeError` that names the place: NaN, Infinity, functions, symbols,
 * Map, Set and other instances without `toJSON`, what contains itself, what crosses L04, and an object that would be
 * read as a tagged value.
 */

export interface ParseJsonOptions {
  /**
   * For what is only passed on: floats that print differently in JavaScript (`1.0`) become `ExactNumber`, tagged objects
   * `ExactTagged`; `printJson` writes both back as they came. Default false. `fromExact` turns them into ordinary values.
   */
  readonly exact?: boolean
  readonly limits?: Limits
}

/** Throws `ProtocolError`: `undecodable` when it is not JSON, `malformed` or `too-large` when it is JSON beyond what is read. */
export function parseJson(text: string, options?: ParseJsonOptions): unknown {
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
  const exact = options?.exact === true
  const survey = surveyJson(text, options?.limits ?? DEFAULT_LIMITS)
  if (survey.beyondJson || (exact && survey.fractions) || mayHoldTag(text, survey.escapes)) {
    return new JsonReader(text, exact).read()
  }
  try {
    return JSON.parse(text)
  } catch {
    // The other reader says where; V8's message would quote the text, which may hold secrets.
    return new JsonReader(text, exact).read()
  }
}

/** Of a text that is read in turns: values, and characters of the first look, between two turns. Some 10 ms of work each. */
const VALUES_A_TURN = 4_096
const CHARACTERS_A_TURN: number = 4 * 1024 * 1024

/** The same for a large text: between slices of the work the event loop has its turn (M12). */
export async function parseJsonInTurns(text: string, turn: Turn, options?: ParseJsonOptions): Promise<unknown> {
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
  const surveyor = new JsonSurveyor(text, options?.limits ?? DEFAULT_LIMITS)
  while (!surveyor.advance(CHARACTERS_A_TURN)) await turn()
  const reader = new JsonReader(text, options?.exact === true)
  do await turn()
  while (!reader.advance(VALUES_A_TURN))
  return reader.value
}

/** The elements of a list that was kept as text, exact. It was within the limits when it was gone over. */
export function rawItems(list: RawList): readonly unknown[] {
  return parseJson(list.text, { exact: true, limits: UNLIMITED }) as readonly unknown[]
}

const UNLIMITED: Limits = Object.freeze({
  ...DEFAULT_LIMITS,
  depth: Number.POSITIVE_INFINITY,
  values: Number.POSITIVE_INFINITY,
})

function mayHoldTag(text: string, escapes: boolean): boolean {
  return text.includes('__type__') || (escapes && /\\u005f/i.test(text))
}

export interface PrintJsonOptions {
  /** For readers with Kombu before 5.3: plain strings instead of tagged objects; bytes are refused. Default false. */
  readonly plainTypes?: boolean
  readonly limits?: Limits
  /** What the elements of an outermost array are called in error paths: `['args', 'kwargs', 'embed']`. */
  readonly names?: readonly string[]
}

/** Throws `EncodeError`, whatever the value is and does. */
export function printJson(value: unknown, options?: PrintJsonOptions): string {
  const limits = options?.limits ?? DEFAULT_LIMITS
  return printPlain(value, { values: limits.values - 1 }, limits) ?? printWithCare(value, limits, options)
}

/** The same as UTF-8. Lists that are kept as text are put in as the bytes that they are. */
export function printJsonBytes(value: unknown, options?: PrintJsonOptions): Uint8Array {
  const limits = options?.limits ?? DEFAULT_LIMITS
  const lists: RawList[] = []
  const text = printPlain(value, { values: limits.values - 1, lists }, limits)
  const bytes = text === undefined ? undefined : withLists(text, lists)
  return bytes ?? Buffer.from(printWithCare(value, limits, options), 'utf8')
}

function printWithCare(value: unknown, limits: Limits, options: PrintJsonOptions | undefined): string {
  return new JsonWriter({ limits, plainTypes: options?.plainTypes === true, names: options?.names }).print(value)
}

/** Undefined: somebody's text is the mark itself. */
function withLists(text: string, lists: readonly RawList[]): Buffer | undefined {
  if (lists.length === 0) return Buffer.from(text, 'utf8')
  const parts = text.split(`"${RAW_LIST_MARK}"`)
  if (parts.length !== lists.length + 1) return undefined
  return Buffer.concat(
    parts.flatMap((part, at) => {
      const list = lists[at]
      const before = at === 0 ? part : `]${part}`
      return list === undefined ? [Buffer.from(before, 'utf8')] : [Buffer.from(`${before}[`, 'utf8'), list.bytes]
    }),
  )
}

interface PlainLook {
  /** How many more there may be. */
  values: number
  /** Lists kept as text, in their order; absent: they are not plain. */
  readonly lists?: RawList[]
}

function printPlain(value: unknown, look: PlainLook, limits: Limits): string | undefined {
  try {
    return isPlain(value, limits.depth, look) ? JSON.stringify(value) : undefined
  } catch {
    return undefined // a getter threw; the writer meets it again and knows the place
  }
}

/** Whether `JSON.stringify` prints this value by the rules above: data only, no surprises. */
function isPlain(value: unknown, depth: number, left: PlainLook): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return value === 0 ? 1 / value > 0 : Number.isSafeInteger(value) || isFraction(value)
    case 'object':
      if (value === null) return true
      if (depth === 0) return false
      return Array.isArray(value) ? isPlainArray(value, depth, left) : isPlainRecord(value, depth, left)
    default:
      return false
  }
}

function isFraction(value: number): boolean {
  return Number.isFinite(value) && !Number.isInteger(value)
}

function isPlainArray(array: readonly unknown[], depth: number, left: PlainLook): boolean {
  left.values -= array.length
  if (left.values < 0 || 'toJSON' in array) return false
  for (let i = 0; i < array.length; i++) {
    if (!isPlain(array[i], depth - 1, left)) return false
  }
  return true
}

function isPlainRecord(record: object, depth: number, left: PlainLook): boolean {
  const prototype: unknown = Object.getPrototypeOf(record)
  if (prototype !== Object.prototype && prototype !== null) return isRawList(record, left)
  for (const key in record) {
    if (--left.values < 0 || key === '__type__' || key === 'toJSON') return false
    const member = (record as Readonly<Record<string, unknown>>)[key] // key is one of its keys
    if (member !== undefined && !isPlain(member, depth - 1, left)) return false
  }
  return true
}

function isRawList(record: object, { lists }: PlainLook): boolean {
  if (lists === undefined || !(record instanceof RawList)) return false
  lists.push(record)
  return true
}

/** Whether `fromExact` makes something else of this very object. */
export function isExact(value: object): value is ExactNumber | ExactTagged | RawList {
  return value instanceof ExactNumber || value instanceof ExactTagged || value instanceof RawList
}

/** A value parsed with `exact` as it would be without: the same object when nothing in it was kept exact. Throws `ProtocolError`. */
export function fromExact(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof ExactNumber) return Number(value.text)
  if (value instanceof RawList) return fromExact(rawItems(value))
  if (value instanceof ExactTagged) {
    const content = fromExact(value.value)
    return untag(value.type, content) ?? { __type__: fromExact(value.type), __value__: content }
  }
  return Array.isArray(value) ? fromExactItems(value) : fromExactMembers(value)
}

function fromExactItems(array: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let i = 0; i < array.length; i++) {
    const item = fromExact(array[i])
    if (Object.is(item, array[i])) continue
    copy ??= array.slice()
    copy[i] = item
  }
  return copy ?? array
}

function fromExactMembers(record: object): object {
  let copy: object | undefined
  for (const [key, member] of Object.entries(record)) {
    const value = fromExact(member)
    if (Object.is(value, member)) continue
    copy ??= { ...record }
    Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true })
  }
  return copy ?? record
}
