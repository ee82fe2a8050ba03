import { ConfigError, LovageError } from '../../src/lib/errors.js'
import { EncodeError, ProtocolError, ResultDecodeError } from '../../src/protocol/errors.js'
import type { Input, Outcome, Target } from './target.js'

/** What a target makes of an input. Rejects with anything that is none of a decoder's own errors. */
export function outcomeOf(target: Target, input: Input): Outcome | Promise<Outcome> {
  try {
    const outcome = target.judge(input)
    return typeof outcome === 'string' ? outcome : outcome.catch(refusal)
  } catch (error) {
    return refusal(error)
  }
}

function refusal(error: unknown): Outcome {
  const typed = error instanceof ProtocolError || error instanceof ConfigError || error instanceof ResultDecodeError
  if (typed && error instanceof LovageError) return error.code
  throw error
}

/** Runs an encoder on what a decoder returned: undefined when it cannot be written, which `EncodeError` alone may say. */
export function written<T>(encode: () => T): T | undefined {
  try {
    return encode()
  } catch (error) {
    if (error instanceof EncodeError) return undefined
    throw error
  }
}
