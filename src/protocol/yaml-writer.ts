import { formatIso } from './iso8601.js'
import { pythonNumber } from './python-number.js'

/** Keys longer than this must be announced by `?`: readers look no further for the colon (YAML 1.1 §9.2.2). */
const MAX_SIMPLE_KEY = 500

/**
 * Plain values (see plain-value.ts) as YAML in flow style, on one line. All text is quoted, so that nothing in it can be
 * taken for a number, a date or an alias by a reader of whichever YAML version.
 */
export function printYaml(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      return numberText(value)
    case 'object':
      return value === null ? 'null' : containerText(value)
    default:
      return String(value)
  }
}

function containerText(value: object): string {
  if (value instanceof Date) return formatIso(value.getTime())
  if (Array.isArray(value)) return `[${value.map(printYaml).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, member]) => `${keyText(key)}: ${printYaml(member)}`)
    .join(', ')}}`
}

function keyText(key: string): string {
  const text = quoted(key)
  return text.length > MAX_SIMPLE_KEY ? `? ${text} ` : text
}

/** As in JSON, and what YAML calls unprintable escaped as well. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '.nan' : value > 0 ? '.inf' : '-.inf'
  const text = pythonNumber(value)
  // PyYAML takes 1e+16 for text.
  return /^-?\d+e/.test(text) ? text.replace('e', '.0e') : text
}
