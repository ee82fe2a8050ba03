import { addCallbacks } from '../canvas/links.js'
import type { TypedSignature } from '../canvas/typed-signature.js'
import { parseDuration } from '../lib/duration.js'
import { formatIso } from '../protocol/iso8601.js'
import type { Signature } from '../protocol/signature.js'
import type { CallOptions } from './call-options.js'
import { checkCallOptions, isCallOption } from './call-options.js'
import { camelCase, snakeCase } from './camel-case.js'
import { toEpochMs } from './to-epoch-ms.js'

/** Call options that make sense within a signature, which may travel. */
export type SignatureOptions = Omit<CallOptions, 'signal' | 'publishTimeout' | 'addToParent' | 'kwargs' | 'stamps'>

/**
 * The same signature with options over its own ones. Inside, options have their wire names and values.
 * Throws `LVG_UNKNOWN_OPTION`, `LVG_BAD_OPTION`.
 */
export function setOptions<S extends Signature>(signature: S, options: SignatureOptions): S {
  checkCallOptions(signature.task, options)
  const merged: Record<string, unknown> = { ...signature.options }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) merged[snakeCase(name)] = wireValue(name, value)
  }
  return Object.freeze({ ...signature, options: Object.freeze(merged) })
}

/**
 * The same signature with one more callback, after those it has: `link` is called with the result in front of its own
 * arguments, `linkError` with the id of the failed task.
 */
export function addLink<Takes extends readonly unknown[], Gives>(
  signature: TypedSignature<Takes, Gives>,
  option: 'link',
  callback: TypedSignature<readonly [Gives], unknown>,
): TypedSignature<Takes, Gives>
export function addLink<Takes extends readonly unknown[], Gives>(
  signature: TypedSignature<Takes, Gives>,
  option: 'linkError',
  callback: TypedSignature<readonly [string], unknown>,
): TypedSignature<Takes, Gives>
export function addLink(signature: Signature, option: 'link' | 'linkError', callback: Signature): Signature {
  return Object.freeze(addCallbacks(signature, option, [callback]))
}

/**
 * The options of a signature as those of a call. Stamps are gathered under `stamps`; names that mean nothing here are
 * left out (a peer may have put anything there).
 */
export function callOptionsOf(signature: Signature): CallOptions {
  const options: Record<string, unknown> = {}
  const stamps: Record<string, unknown> = {}
  const stamped = new Set(stampNames(signature))
  for (const [wire, value] of Object.entries(signature.options)) {
    if (stamped.has(wire)) stamps[wire] = value
    else if (value !== null && value !== undefined) {
      const name = camelCase(wire)
      if (isCallOption(name)) options[name] = value
    }
  }
  if (stamped.size > 0) options['stamps'] = stamps
  // Keys are names of call options; values are checked like those of any call.
  return options as CallOptions
}

/** The same with its keyword arguments among them, as a call takes them. */
export function keywordedOptionsOf(signature: Signature): CallOptions {
  return { kwargs: signature.kwargs, ...callOptionsOf(signature) }
}

const SPANS: ReadonlySet<string> = new Set(['countdown', 'expires', 'timeLimit', 'softTimeLimit'])

/** Spans as seconds, instants as ISO 8601: a peer in another language may apply the signature. */
function wireValue(name: string, value: unknown): unknown {
  const span = SPANS.has(name) ? parseDuration(value) : undefined
  if (span !== undefined) return span / 1000
  const instant = value instanceof Date || name === 'eta' || name === 'expires' ? toEpochMs(value) : undefined
  // What is neither is refused, with the task's name, when the signature is published.
  return instant === undefined ? value : formatIso(instant)
}

function stampNames(signature: Signature): readonly string[] {
  const names = signature.options['stamped_headers']
  return Array.isArray(names) ? names.filter(name => typeof name === 'string') : []
}
