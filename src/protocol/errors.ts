import { LovageError } from '../lib/errors.js'

const CODES = {
  malformed: 'LVG_MALFORMED',
  undecodable: 'LVG_UNDECODABLE',
  'disallowed-content': 'LVG_DISALLOWED_CONTENT',
  'bad-signature': 'LVG_BAD_SIGNATURE',
  'too-large': 'LVG_TOO_LARGE',
  'unsupported-version': 'LVG_UNSUPPORTED_VERSION',
} as const

/** What reading a foreign message can end with: the dead-letter reasons (dead-letter.ts) that the bytes alone can give. */
export type ProtocolFault = keyof typeof CODES

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
  override readonly name: string = 'EncodeError'
  readonly path: string

  constructor(
    path: string,
    problem: string,
    options?: { readonly code?: 'LVG_ENCODE_TOO_LARGE' | 'LVG_RESULT_TOO_LARGE'; readonly cause?: unknown },
  ) {
    super(options?.code ?? 'LVG_ENCODE', path === '' ? problem : `${path}: ${problem}`, options)
    this.path = path
  }
}

/** A result that is larger than L12 allows to be stored. The task fails with it. */
export class ResultTooLargeError extends EncodeError {
  override readonly name = 'ResultTooLargeError'

  constructor(size: number, limit: number) {
    super('', `the result takes ${size} bytes; at most ${limit} are stored`, { code: 'LVG_RESULT_TOO_LARGE' })
  }
}

/** A stored result, group or result tuple that is not one: garbage in the backend, or another serializer than ours (M46). */
export class ResultDecodeError extends LovageError {
  override readonly name = 'ResultDecodeError'

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('LVG_RESULT_DECODE', message, options)
  }
}
