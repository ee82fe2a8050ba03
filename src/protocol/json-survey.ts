import { ProtocolError } from './errors.js'
import type { Limits } from './limits.js'

/** What one pass over a JSON text found, before anything is built from it. */
export interface JsonSurvey {
  /** Something `JSON.parse` refuses or rounds: `NaN`, `Infinity`, an integer of more than 15 digits. */
  readonly beyondJson: boolean
  /** A number with a fraction or an exponent. */
  readonly fractions: boolean
  /** Some string holds a backslash. */
  readonly escapes: boolean
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const UPPER_I = 0x49
const UPPER_N = 0x4e

/** Longest run of digits that a number holds exactly, whatever the digits are. */
const SAFE_DIGITS = 15

/**
 * Counts depth and values without building any (M11, M12): `JSON.parse` would take a million nested arrays, and whoever
 * walks over them later would overflow the stack. Linear; about one nanosecond per character. Throws `ProtocolError` at a limit.
 */
export function surveyJson(text: string, limits: Limits): JsonSurvey {
  const end = text.length
  let depth = 0
  let values = 1
  let beyondJson = false
  let fractions = false
  let escapes = false
  let at = 0
  while (at < end) {
    const unit = text.charCodeAt(at++)
    if (unit === QUOTE) {
      while (at < end) {
        const inner = text.charCodeAt(at++)
        if (inner === QUOTE) break
        if (inner === BACKSLASH) {
          escapes = true
          at++
        }
      }
    } else if (unit === COMMA) {
      values++
    } else if (isDigit(unit)) {
      const start = at - 1
      while (isDigit(text.charCodeAt(at))) at++
      const digits = at - start
      const next = text.charCodeAt(at)
      if (next === 0x2e || next === 0x65 || next === 0x45) {
        fractions = true
        while (isInNumber(text.charCodeAt(at))) at++
      } else if (digits > SAFE_DIGITS) beyondJson = true
    } else if (unit === 0x5b || unit === 0x7b) {
      values++
      if (++depth > limits.depth) throw tooDeep(limits)
    } else if (unit === 0x5d || unit === 0x7d) {
      depth--
      // An empty one holds no value: it was counted as an element where it stands and as the first of its own elements.
      const before = text.charCodeAt(at - 2)
      if (before === 0x5b || before === 0x7b) values--
    } else if (unit === UPPER_N || unit === UPPER_I) beyondJson = true
  }
  if (values > limits.values) throw tooMany(limits)
  return { beyondJson, fractions, escapes }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

function isInNumber(unit: number): boolean {
  return isDigit(unit) || unit === 0x2e || unit === 0x65 || unit === 0x45 || unit === 0x2b || unit === 0x2d
}

function tooDeep(limits: Limits): ProtocolError {
  return new ProtocolError('malformed', `the JSON is nested deeper than ${limits.depth} levels`)
}

function tooMany(limits: Limits): ProtocolError {
  return new ProtocolError('too-large', `the JSON holds more than ${limits.values} values`)
}
