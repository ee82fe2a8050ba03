import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../lib/as-buffer.js'
import { JsonSkimmer } from './json-skimmer.js'
import type { Limits } from './limits.js'
import { RawList } from './raw-list.js'

/** The body of a task in two: what the task itself needs, and the steps of its chain, as they came. */
export interface ChainCut {
  /** The body with an empty list for a chain. */
  readonly body: Uint8Array
  /** JSON of the step that comes next. */
  readonly next: string
  /** Those that come after it, in the wire's reverse order. */
  readonly later: RawList
}

/** Bytes of a body that holds no two steps, or is not worth it. */
const SHORT = 512

/** Longer ones are read in turns (M12): what is looked at here is looked at in one go. */
const LONG: number = 4 * 1024 * 1024

/**
 * Cuts the chain out of a JSON body `[args, kwargs, embed]`: each message of a chain carries all that follows, and whoever runs one
 * step needs no more of it than the next one. Undefined where there are no two steps, and wherever the body is not of the
 * plainest kind or near a limit (L04, L07): it is then read as a whole, and what is wrong is said.
 */
export function cutChain(body: Uint8Array, limits: Limits): ChainCut | undefined {
  const bytes = asBuffer(body)
  if (bytes.length < SHORT || bytes.length > LONG || bytes.length > limits.messageBytes) return undefined
  if (!mayHoldSteps(bytes) || !isUtf8(bytes)) return undefined
  const skimmer = new JsonSkimmer(bytes, limits)
  const inEmbed = skimmer.begin('[') && values(skimmer, 2) && skimmer.begin('{')
  if (!inEmbed) return undefined
  const before = skimmer.objects
  const steps = stepsIn(skimmer, bytes)
  // No signature is found without an object of its own, and none within another without a container of its own.
  const isSmall = skimmer.objects - before <= limits.canvasNodes && skimmer.deepest <= limits.canvasDepth
  const isWhole = steps !== undefined && skimmer.end() && skimmer.next() === bytes.length
  if (!isSmall || !isWhole) return undefined
  const { start, end, last, later } = steps
  return { body: Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]), next: last.toString('utf8'), later }
}

/** In most bodies the chain is null. */
function mayHoldSteps(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(CHAIN); at >= 0; at = bytes.indexOf(CHAIN, at)) {
    at += CHAIN.length
    if (bytes[bytes[at] === SPACE ? at + 1 : at] === ARRAY) return true
  }
  return false
}

const CHAIN: Buffer = Buffer.from('"chain":')
const NAME: Buffer = Buffer.from('chain')
const SPACE = 0x20
const BACKSLASH = 0x5c
const ARRAY = 0x5b
const OBJECT = 0x7b

/** Over so many elements, and the comma behind each. */
function values(skimmer: JsonSkimmer, count: number): boolean {
  for (let n = 0; n < count; n++) if (!skimmer.value() || !skimmer.comma()) return false
  return true
}

interface Steps {
  /** Behind the bracket that opens the list, and at the one that closes it. */
  readonly start: number
  readonly end: number
  readonly last: Buffer
  readonly later: RawList
}

/** Over all members of the embed, its end included. Undefined: there is not one chain of two steps or more. */
function stepsIn(skimmer: JsonSkimmer, bytes: Buffer): Steps | undefined {
  let found: Steps | undefined
  do {
    const key = skimmer.key()
    // Escaped, it may be any name.
    if (key === undefined || key.includes(BACKSLASH)) return undefined
    if (!NAME.equals(key)) {
      if (!skimmer.value()) return undefined
      continue
    }
    if (found !== undefined) return undefined
    found = overSteps(skimmer, bytes)
    if (found === undefined) return undefined
  } while (skimmer.comma())
  return skimmer.end() ? found : undefined
}

function overSteps(skimmer: JsonSkimmer, bytes: Buffer): Steps | undefined {
  if (!skimmer.begin('[')) return undefined
  const start = skimmer.at
  const objects = skimmer.objects
  let length = 0
  // Of the last one: where it begins and ends; of those before it: where they end, and what is in them.
  let [from, to, behind, within] = [start, start, start, 0]
  do {
    behind = to
    within = skimmer.objects - objects
    from = skimmer.next()
    if (bytes[from] !== OBJECT || !skimmer.value()) return undefined
    to = skimmer.at
    length++
  } while (skimmer.comma())
  const end = skimmer.next()
  if (length < 2 || !skimmer.end()) return undefined
  const later = new RawList(bytes.subarray(start, behind), length - 1, within)
  return { start, end, last: bytes.subarray(from, to), later }
}
