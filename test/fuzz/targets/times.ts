import { formatDuration, parseDuration } from '../../../src/lib/duration.js'
import { ProtocolError } from '../../../src/protocol/errors.js'
import { formatIso, parseIso } from '../../../src/protocol/iso8601.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from '../../../src/protocol/values.js'
import { textOf } from '../expect.js'
import { mutateText } from '../mutate-bytes.js'
import { mustBeSame } from '../same.js'
import { Broken, INPUTS, type Outcome, type Target } from '../target.js'

const ISO: readonly string[] = [
  '2026-11-20T08:51:09.816613+00:00',
  '2026-11-20 08:51:09',
  '20261120T085109Z',
  '2024-02-29',
  '0001-01-01T00:00:00+14:00',
  '9999-12-31T23:59:59.999999-12:00',
  '2026-11-20T08:51:09,123456789Z',
  '12:34:56.789012',
]

/** Dates and times as text. */
export const isoTarget: Target = {
  name: 'iso',
  inputs: INPUTS,
  make: random => ({ kind: 'text', text: mutateText(random.pick(ISO), random, ISO, 300) }),
  judge: input => judgeIso(textOf(input)),
}

const FIRST = Date.UTC(1, 0) - (Date.UTC(1, 0) - new Date('0001-01-01T00:00:00Z').getTime())
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

function judgeIso(text: string): Outcome {
  const at = parseIso(text)
  for (const make of [NaiveDateTime, PlainDate, PlainTime]) mustBeCanonical(text, make)
  if (at === undefined) return 'none'
  if (!Number.isInteger(at)) throw new Broken(`${at} is no instant`)
  // An offset may lead out of the years that can be written.
  if (at < FIRST || at > LAST) return 'beyond'
  mustBeSame(parseIso(formatIso(at)), at, 'writing and reading a time')
  return 'value'
}

const OTHERS: readonly string[] = ['1.10', '1E+3', '-Infinity', 'sNaN12', '12345678-1234-5678-1234-567812345678']

/** Decimals and UUIDs as text. */
export const plainValueTarget: Target = {
  name: 'plain-values',
  inputs: INPUTS,
  make: random => ({ kind: 'text', text: mutateText(random.pick(OTHERS), random, OTHERS, 300) }),
  judge: input => {
    const text = textOf(input)
    const found = [Decimal, Uuid].filter(make => mustBeCanonical(text, make))
    return found[0]?.name ?? 'none'
  },
}

/** The text that a value keeps makes the same value again. False when the text makes none. */
function mustBeCanonical(text: string, make: new (text: string) => { readonly text: string }): boolean {
  let value: { readonly text: string }
  try {
    value = new make(text)
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
  mustBeSame(new make(value.text), value, `a ${make.name}`)
  return true
}

const SPANS: readonly string[] = ['250ms', '5s', '1.5h', '3d', '2w', '1h30m', ' 10 ', '1 h 2 m', '0.5', '9'.repeat(20)]

/** Spans as people write them. */
export const durationTarget: Target = {
  name: 'duration',
  inputs: INPUTS,
  make: random => ({ kind: 'text', text: mutateText(random.pick(SPANS), random, SPANS, 400) }),
  judge: input => {
    const ms = parseDuration(textOf(input))
    if (ms === undefined) return 'none'
    if (!Number.isFinite(ms) || ms < 0) throw new Broken(`${ms} is no span`)
    const shown = parseDuration(formatDuration(Math.min(ms, 1e15)))
    if (shown === undefined && ms >= 1) throw new Broken(`${formatDuration(ms)} cannot be read again`)
    return 'value'
  },
}
