import { ProtocolError } from '../../../src/protocol/errors.js'
import { fromExact, parseJson, printJson } from '../../../src/protocol/json.js'
import { JsonReader } from '../../../src/protocol/json-reader.js'
import { JsonSkimmer } from '../../../src/protocol/json-skimmer.js'
import { JsonSurveyor, surveyJson } from '../../../src/protocol/json-survey.js'
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.js'
import { textOf } from '../expect.js'
import { looseJson } from '../loose-json.js'
import { mutateText } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import { written } from '../outcome.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { Broken, INPUTS, type Input, type Outcome, type Target } from '../target.js'

const SEEDS: readonly unknown[] = [
  [[1, 'two', 3.5, null, true, [1, { a: 'ž' }]], { k: 'v' }, { callbacks: null, chain: null }],
  { __type__: 'datetime', __value__: '2024-02-29T12:34:56+00:00' },
  { __type__: 'decimal', __value__: '1E+3' },
  { __type__: 'uuid', __value__: { hex: '12345678123456781234567812345678' } },
  [{ __type__: 'base64', __value__: 'AP/+' }, { __type__: 'bytes', __value__: 'ascii' }, 10n ** 30n],
  { __type__: 'time', __value__: '12:34:56.789012', __proto: [1e300, -0, 0.1, 2 ** 53] },
  'text with "quotes", \\ and 日本語',
]

const TEXTS: readonly string[] = [
  ...SEEDS.map(looseJson),
  '{"a": 1.0, "b": [NaN, Infinity, -Infinity, 1e400], "a": 2}',
  ' [ 1 , "\\u0041\\ud83d\\ude00" , {"__proto__": {"then": 1}} ] ',
  '{"\\u005f_type__": "date", "__value__": "2024-02-29"}',
]

/** The JSON dialect: both of its readers, the writer, and V8's own parser where its opinion counts. */
export const jsonTarget: Target = { name: 'json', inputs: INPUTS, make, judge: input => judge(textOf(input)) }

function make(random: FuzzRandom): Input {
  if (random.once(2)) return { kind: 'text', text: mutateText(random.pick(TEXTS), random, TEXTS) }
  const mutated = mutateValue(random.pick(SEEDS), { random, donors: SEEDS, typed: false })
  return { kind: 'text', text: looseJson(mutated) }
}

function judge(text: string): Outcome {
  const exact = attempt(() => parseJson(text, { exact: true }))
  const value = attempt(() => parseJson(text))
  mustAgreeWithV8(text, value)
  mustBeSame(told(attempt(() => readStepwise(text))), told(value), 'what was read in steps')
  mustBeSame(
    isSkimmed(text),
    !(exact instanceof ProtocolError),
    'whether it is JSON, gone over without building anything,',
  )
  if (value instanceof ProtocolError) return value.fault
  // Read exactly it may be more: tagged content is not looked into.
  if (exact instanceof ProtocolError) throw new Broken(`only the exact reader refuses it: ${exact.message}`)
  mustBeSame(fromExact(exact), value, 'what was read exactly, made ordinary,')
  const printed = written(() => printJson(exact))
  if (printed === undefined) throw new Broken('what was read exactly cannot be written')
  const exactly = parseJson(printed, { exact: true })
  mustBeSame(fromExact(exactly), value, 'writing and reading exactly')
  // Not the first text: the integer -0, which Python never writes, is written as the float that JavaScript takes it for.
  mustBeSame(printJson(exactly), printed, 'writing exactly twice')
  const again = written(() => printJson(value))
  if (again === undefined) return 'read-only'
  mustBeSame(parseJson(again), value, 'writing and reading')
  return 'value'
}

/** As a large text is read: with stops in between. */
function readStepwise(text: string): unknown {
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
  const surveyor = new JsonSurveyor(text, DEFAULT_LIMITS)
  while (!surveyor.advance(1));
  mustBeSame({ ...surveyor }, { ...surveyJson(text, DEFAULT_LIMITS) }, 'what was surveyed in steps')
  const reader = new JsonReader(text, false)
  while (!reader.advance(1));
  return reader.value
}

/** As what is only passed on is looked at. */
function isSkimmed(text: string): boolean {
  const bytes = Buffer.from(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  const skimmer = new JsonSkimmer(bytes, DEFAULT_LIMITS)
  return skimmer.value() && skimmer.next() === bytes.length
}

/** An error by what it says. */
function told(outcome: unknown): unknown {
  return outcome instanceof ProtocolError ? { fault: outcome.fault, message: outcome.message } : outcome
}

function mustAgreeWithV8(text: string, ours: unknown): void {
  const isOurs = /NaN|Infinity|\ufeff/.test(text)
  const isJson = !(attempt(() => JSON.parse(text), SyntaxError) instanceof SyntaxError)
  const isRefused = ours instanceof ProtocolError && ours.fault === 'undecodable'
  if (isJson && isRefused) throw new Broken(`it is JSON: ${ours.message}`)
  if (!isJson && !isOurs && !(ours instanceof ProtocolError)) throw new Broken('it is no JSON')
}

function attempt(read: () => unknown, expected: new (...args: never[]) => Error = ProtocolError): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof expected) return error
    throw error
  }
}
