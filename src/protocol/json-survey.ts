import { ProtocolError } from './errors.js'
import type { Limits } from './limits.js'

/** What one pass over a JSON text found, before anything is built from it. */
export interface JsonSurvey {
  /** Something `JSON.parse` refuses or rounds: `NaN`, `Infinity`, an integer of more than 15 digits. */
  readonly beyondJson: boolean
  /** A number with a fraction or an exponent. */
  readonly fractions: boolean
  /** There is a backslash, which stands in a string if this is JSON. */
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
 * walks over them later would overflow the stack. Linear; at most one nanosecond or two per character. Throws `ProtocolError` at a limit.
 */
export function surveyJson(text: string, limits: Limits): JsonSurvey {
  const surveyor = new JsonSurveyor(text, limits)
  surveyor.advance(text.length)
  return surveyor
}

/** A survey that can stop anywhere and go on later. */
export class JsonSurveyor implements JsonSurvey {
  readonly #text: string
  readonly #limits: Limits
  beyondJson = false
  fractions = false
  readonly escapes: boolean
  #at = 0
  #depth = 0
  #values = 1
  #inString = false

  constructor(text: string, limits: Limits) {
    this.#text = text
    this.#limits = limits
    this.escapes = text.includes('\\')
  }

  /** Looks at that many characters more. True: the text has been looked at. Throws `ProtocolError` at a limit. */
  advance(characters: number): boolean {
    const text = this.#text
    const end = Math.min(text.length, this.#at + characters)
    const { escapes } = this
    let { beyondJson, fractions } = this
    let at = this.#at
    let depth = this.#depth
    let values = this.#values
    let inString = this.#inString
    while (at < end) {
      const unit = inString ? QUOTE : text.charCodeAt(at++)
      if (unit === QUOTE) {
        inString = true
        if (!escapes) {
          // Nearly every text: on to the next quote by the engine's own search, instead of character by character.
          const close = text.indexOf('"', at)
          inString = close < 0 || close >= end
          at = inString ? end : close + 1
        }
        while (inString && at < end) {
          const inner = text.charCodeAt(at++)
          if (inner === QUOTE) inString = false
          else if (inner === BACKSLASH) at++
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
        if (++depth > this.#limits.depth) throw tooDeep(this.#limits)
      } else if (unit === 0x5d || unit === 0x7d) {
        depth--
        // An empty one holds no value: it was counted as an element where it stands and as the first of its own elements.
        const before = text.charCodeAt(at - 2)
        if (before === 0x5b || before === 0x7b) values--
      } else if (unit === UPPER_N || unit === UPPER_I) beyondJson = true
    }
    if (at >= text.length && values > this.#limits.values) throw tooMany(this.#limits)
    this.beyondJson = beyondJson
    this.fractions = fractions
    this.#at = at
    this.#depth = depth
    this.#values = values
    this.#inString = inString
    return at >= text.length
  }
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
