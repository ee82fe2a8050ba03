import type { Signature } from '../protocol/signature.js'
import { isSignature } from '../protocol/signature-place.js'
import { CanvasError } from './errors.js'
import { chordOf, groupOf, kindOf } from './members.js'
import { pipe } from './pipe.js'
import type { ResultOf, TypedSignature } from './typed-signature.js'

/*
 * The algebra of tasks: what runs after what, beside what, and over what. All of these are frozen data, and are themselves
 * signatures: they nest. `app.apply` sends them. Source: celery/canvas.py.
 */

/** Any signature at all. */
export type AnySignature = TypedSignature<never, unknown>

/** A group; after it runs, its value is the list of its members' values. */
export interface GroupSignature<Takes extends readonly unknown[], Gives extends readonly unknown[]>
  extends TypedSignature<Takes, Gives> {
  /** Never present. */
  readonly __group?: Gives
}

/** The arguments that a signature still takes. */
export type TakesOf<S> = S extends { readonly __takes?: (args: infer Takes) => void }
  ? Takes extends readonly unknown[]
    ? Takes
    : never
  : readonly unknown[]

/** The values of several signatures, in their order. */
export type ResultsOf<Members extends readonly unknown[]> = { -readonly [I in keyof Members]: ResultOf<Members[I]> }

/** What the compiler shows where two steps do not fit. */
export interface DoesNotFit<Gives, Takes> {
  readonly 'the step before gives': Gives
  readonly 'this step takes': Takes
}

/** `Next` where it takes what `Before` gives, otherwise the reason why not. */
export type Fits<Before, Next> =
  Next extends TypedSignature<readonly [ResultOf<Before>], unknown> ? Next : DoesNotFit<ResultOf<Before>, TakesOf<Next>>

type Linked<Steps extends readonly unknown[]> = number extends Steps['length']
  ? Steps
  : Steps extends readonly [infer First, ...infer Rest]
    ? readonly [First, ...LinkedTo<First, Rest>]
    : Steps

type LinkedTo<Before, Steps extends readonly unknown[]> = Steps extends readonly [infer Next, ...infer Rest]
  ? readonly [Fits<Before, Next>, ...LinkedTo<Next, Rest>]
  : readonly []

type Last<Steps extends readonly unknown[]> = Steps extends readonly [...unknown[], infer S] ? S : Steps[number]

/** A group, and not just anything that gives a list. */
export type IsGroup<S> = '__group' extends keyof S ? true : false

/** A group at the end makes the whole chain give a group. */
type Ending<Takes extends readonly unknown[], S> =
  IsGroup<S> extends true
    ? GroupSignature<Takes, Extract<ResultOf<S>, readonly unknown[]>>
    : TypedSignature<Takes, ResultOf<S>>

/** What all members of a group take. */
type TakenByAll<Members extends readonly unknown[]> = Members extends readonly []
  ? readonly []
  : [Members[number]] extends [{ readonly __takes?: (args: infer Takes) => void }]
    ? Takes extends readonly unknown[]
      ? Takes
      : never
    : readonly []

/**
 * One after the other, each with the result of the one before it in front of its own arguments. Upgraded as Celery does: a
 * group that something follows becomes a chord, and chains within chains become one. Throws `CanvasError` when it is empty.
 */
export function chain<const Steps extends readonly AnySignature[]>(
  ...steps: Steps & Linked<Steps>
): Ending<TakesOf<Steps[0]>, Last<Steps>>
export function chain(...steps: readonly Signature[]): Signature {
  check('chain', steps)
  const [first, ...others] = steps
  if (first === undefined) throw new CanvasError('chain', 'it has no steps')
  return frozen(others.reduce(pipe, first))
}

/** Side by side. An empty group sends nothing, and its value is an empty list. */
export function group<const Members extends readonly AnySignature[]>(
  ...members: Members
): GroupSignature<TakenByAll<Members>, ResultsOf<Members>> {
  check('group', members)
  return frozen(groupOf(members)) as GroupSignature<TakenByAll<Members>, ResultsOf<Members>>
}

/** `body` with the list of what all of `header` gave. It runs once, when all have succeeded; else its errbacks do. */
export function chord<const Members extends readonly AnySignature[], Body extends AnySignature>(
  header: Members,
  body: Body & Fits<GroupSignature<never, ResultsOf<Members>>, Body>,
): TypedSignature<TakenByAll<Members>, ResultOf<Body>>
export function chord<Takes extends readonly unknown[], Gives extends readonly unknown[], Body extends AnySignature>(
  header: GroupSignature<Takes, Gives>,
  body: Body & Fits<GroupSignature<never, Gives>, Body>,
): TypedSignature<Takes, ResultOf<Body>>
export function chord(header: readonly Signature[] | Signature, body: Signature): Signature {
  check('chord.body', [body])
  const given: readonly Signature[] = isSignature(header) ? [header] : header
  check('chord.header', given)
  const [only, another] = given
  return frozen(
    chordOf(only !== undefined && another === undefined && kindOf(only) === 'group' ? only : groupOf(given), body),
  )
}

/** One task that calls another, in its own worker, once for each item. Its value is the list of results. */
export function map<Item, Gives>(
  task: TypedSignature<readonly [Item], Gives>,
  items: Iterable<Item>,
): TypedSignature<readonly unknown[], Gives[]> {
  return over('celery.map', task, { it: [...items] })
}

/** As `map`, each item being the list of all arguments. */
export function starmap<Args extends readonly unknown[], Gives>(
  task: TypedSignature<Args, Gives>,
  items: Iterable<Args>,
): TypedSignature<readonly unknown[], Gives[]> {
  return over('celery.starmap', task, { it: [...items] })
}

/** The items `size` at a time, a `starmap` for each such part: a group. Throws `CanvasError` for a size below 1. */
export function chunks<Args extends readonly unknown[], Gives>(
  task: TypedSignature<Args, Gives>,
  items: Iterable<Args>,
  size: number,
): GroupSignature<readonly [], Gives[][]> {
  if (!Number.isInteger(size) || size < 1)
    throw new CanvasError('chunks', `its size is ${size}; it must be a whole number, 1 or more`)
  const all = [...items]
  const parts = Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size))
  return frozen(groupOf(parts.map(part => starmap(task, part)))) as GroupSignature<readonly [], Gives[][]>
}

function over(
  name: string,
  task: Signature,
  kwargs: Readonly<Record<string, unknown>>,
): TypedSignature<readonly unknown[], never[]> {
  check(name, [task])
  return frozen({
    // Celery's own names are names.
    task: name as Signature['task'],
    args: [],
    kwargs: { task, ...kwargs },
    options: {},
    subtaskType: null,
    immutable: true,
  })
}

function check(path: string, members: readonly unknown[]): void {
  members.forEach((member, at) => {
    if (isSignature(member)) return
    const hint = typeof member === 'function' ? '; call its s() for one' : ''
    throw new CanvasError(`${path}[${at}]`, `it is no signature but ${member === null ? 'null' : typeof member}${hint}`)
  })
}

function frozen<S extends Signature>(signature: S): S {
  return Object.freeze(signature)
}
