import type { Message } from '../../src/protocol/message.js'
import type { FuzzRandom } from './random.js'

/** What a decoder is given. */
export type Input =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'value'; readonly value: unknown }

/** What became of an input: a short word that the corpus can name, such as `value`, `malformed` or an error's code. */
export type Outcome = string

/**
 * A decoder under fuzz. `judge` decodes one input and checks what must hold of the result, above all that decoding what
 * was encoded again gives the same; it throws `Broken` where that fails. Errors it throws besides must be of the types
 * that decoders may throw (outcome.ts); anything else is a find.
 */
export interface Target {
  readonly name: string
  /** Inputs in one run of the tests. */
  readonly inputs: number
  /** Why those are fewer than 200,000. */
  readonly because?: string
  make(random: FuzzRandom): Input
  judge(input: Input): Outcome | Promise<Outcome>
}

/** A property does not hold. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

export const INPUTS = 200_000
