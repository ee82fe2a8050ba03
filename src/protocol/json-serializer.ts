import { parseJson, parseJsonInTurns, printJsonBytes } from './json.js'
import type { Limits } from './limits.js'
import type { Serializer } from './serializer.js'
import { utf8Text } from './utf8-text.js'

export function jsonSerializer(limits: Limits, plainTypes: boolean): Serializer {
  return {
    name: 'json',
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    encode: (value, names) => printJsonBytes(value, { limits, plainTypes, ...(names && { names }) }),
    decode: (body, exact) => parseJson(utf8Text(body), { limits, exact }),
    decodeInTurns: (body, exact, turn) => parseJsonInTurns(utf8Text(body), turn, { limits, exact }),
  }
}
