import { taskName } from '../protocol/ids.js'
import type { Signature } from '../protocol/signature.js'

/**
 * A signature that remembers, for the compiler only, which arguments it still takes in front of its own (`Takes`) and
 * what its task returns (`Gives`). An immutable one takes whatever it is given, and ignores it.
 */
export interface TypedSignature<Takes extends readonly unknown[], Gives> extends Signature {
  /** Never present; a parameter, so that types must fit in the direction in which arguments flow. */
  readonly __takes?: (args: Takes) => void
  /** Never present. */
  readonly __gives?: Gives
}

/** What the task of a signature returns. */
export type ResultOf<S> = S extends { readonly __gives?: infer Gives } ? Exclude<Gives, undefined> : unknown

/** The argument lists that `s()` accepts: all arguments, or the last ones. */
export type Suffix<Args extends readonly unknown[]> =
  | Readonly<Args>
  | (Args extends readonly [unknown?, ...infer Rest]
      ? number extends Rest['length']
        ? never
        : Rest extends readonly []
          ? readonly []
          : Suffix<Rest>
      : readonly [])

/** The arguments that are missing when the last ones are `Given`. */
export type Missing<Args extends readonly unknown[], Given extends readonly unknown[]> = number extends Args['length']
  ? readonly unknown[]
  : Given extends Readonly<Args>
    ? readonly []
    : Front<Required<Args>, Given>

type Front<Args extends readonly unknown[], Given extends readonly unknown[]> = Given extends readonly [
  unknown,
  ...infer Rest,
]
  ? Args extends readonly [...infer Less, unknown]
    ? Front<Less, Rest>
    : readonly unknown[]
  : Readonly<Args>

/** A plain signature of `task` with stored `args`. Throws `ProtocolError` for a name that cannot travel. */
export function signature<Takes extends readonly unknown[], Gives>(
  task: string,
  args: readonly unknown[],
  immutable: boolean,
): TypedSignature<Takes, Gives> {
  return Object.freeze({
    task: taskName(task),
    args,
    kwargs: NO_KWARGS,
    options: NO_KWARGS,
    subtaskType: null,
    immutable,
  })
}

const NO_KWARGS: Readonly<Record<string, unknown>> = Object.freeze({})
