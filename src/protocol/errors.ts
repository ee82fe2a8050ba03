import { LovageError } from '../lib/errors.js'
import type { DeadLetterReason } from './dead-letter.js'

/** What reading a foreign message can end with: the dead-letter reasons that the bytes alone can give. */
export type ProtocolFault = Extract<
  DeadLetterReason,
  'malformed' | 'undecodable' | 'disallowed-content' | 'bad-signature' | 'too-large' | 'unsupported-version'
>

const CODES = {
  malformed: 'LVG_MALFORMED',
  undecodable: 'LVG_UNDECODABLE',
  'disallowed-content': 'LVG_DISALLOWED_CONTENT',
  'bad-signature': 'LVG_BAD_SIGNATURE',
  'too-large': 'LVG_TOO_LARGE',
  'unsupported-version': 'LVG_UNSUPPORTED_VERSION',
} as const satisfies Record<ProtocolFault, string>

/** Received bytes or text that cannot be what they claim to be. `fault` is the dead-letter reason they lead to; never worth a retry. */
export class ProtocolError extends LovageError {
  override readonly name = 'ProtocolError'
  readonly fault: ProtocolFault

  constructor(fault: ProtocolFault, message: string, options?: { readonly cause?: unknown }) {
    super(CODES[fault], message, options)
    this.fault = fault
  }
}

/**
 * A value that cannot go on the wire. `path` leads to it from the outermost value: `args[2].user.born`; it is empty
 * when the whole value is meant. Thrown at the sender, before anything is sent (M50).
 */
export class EncodeError extends LovageError {
  override readonly name = 'EncodeError'
  readonly path: string

  constructor(
    path: string,
    problem: string,
    options?: { readonly code?: 'LVG_ENCODE_TOO_LARGE'; readonly cause?: unknown },
  ) {
    super(options?.code ?? 'LVG_ENCODE', path === '' ? problem : `${path}: ${problem}`, options)
    this.path = path
  }
}
