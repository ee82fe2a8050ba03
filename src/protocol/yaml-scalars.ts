import { parseIso, readDateTime } from './iso8601.js'
import { MAX_INTEGER_DIGITS } from './limits.js'

/**
 * The meaning of a plain (unquoted) YAML scalar for PyYAML, which resolves YAML 1.1: `yes` is true, `1e5` is text,
 * because a float needs its point. Octal, hexadecimal, binary and base-60 numbers, which no dumper writes, are text here.
 * Source: yaml/resolver.py. Throws `RangeError` for an integer of more digits than are read.
 */
export function yamlScalar(text: string): unknown {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null
  if (/^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(text)) return true
  if (/^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(text)) return false
  if (/^[-+]?(?:0|[1-9][0-9_]*)$/.test(text)) return integer(text.replaceAll('_', ''))
  if (/^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/.test(text))
    return Number(text.replaceAll('_', ''))
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN
  return timestamp(text) ?? text
}

function integer(text: string): number | bigint {
  if (text.length > MAX_INTEGER_DIGITS + 1) throw new RangeError(`an integer of more than ${MAX_INTEGER_DIGITS} digits`)
  const small = Number(text)
  return Number.isSafeInteger(small) ? small : BigInt(text.replace('+', ''))
}

/** Only those with a zone: one without would be text again on the way back. */
function timestamp(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt ]/.test(text) || readDateTime(text)?.offset === undefined) return undefined
  return new Date(parseIso(text) ?? Number.NaN)
}
