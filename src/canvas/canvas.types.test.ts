/* What the compiler says of canvases. Nothing here runs. */
import { chain, chord, chunks, type GroupSignature, group, map } from './canvas.js'
import type { TypedSignature } from './typed-signature.js'

declare const price: TypedSignature<readonly [], number>
declare const tax: TypedSignature<readonly [number], number>
declare const text: TypedSignature<readonly [number], string>
declare const total: TypedSignature<readonly [readonly number[]], number>
declare const shout: TypedSignature<readonly [string], string>
declare const still: TypedSignature<readonly unknown[], boolean>

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const yes = <T extends true>(_: T): void => undefined

const taxed = chain(price, tax, text, shout)
yes<Equal<typeof taxed, TypedSignature<readonly [], string>>>(true)
// What the first step still takes, the chain takes.
yes<Equal<ReturnType<typeof open>, TypedSignature<readonly [number], string>>>(true)
function open() {
  return chain(tax, text)
}
// An immutable step takes whatever comes.
chain(price, still)
// @ts-expect-error shout takes text, tax gives a number
chain(price, tax, shout)
// @ts-expect-error price takes nothing
chain(price, price)

const both = group(price, taxed)
yes<Equal<typeof both, GroupSignature<readonly [], [number, string]>>>(true)

const sum = chord([price, price], total)
yes<Equal<typeof sum, TypedSignature<readonly [], number>>>(true)
chord(group(price, price), total)
// @ts-expect-error total takes numbers, taxed gives text
chord([price, taxed], total)
// A group within a chain is the header of a chord.
chain(price, group(tax, tax), total)
// @ts-expect-error its members give text
chain(price, group(text, text), total)

// @ts-expect-error tax takes numbers
map(tax, ['a'])
chunks(tax, [[1], [2]], 1)
// @ts-expect-error each item is a list of all arguments
chunks(tax, [1, 2], 1)

// What gives a list is no group.
declare const listing: TypedSignature<readonly [number], string[]>
yes<Equal<ReturnType<typeof listed>, TypedSignature<readonly [], string[]>>>(true)
function listed() {
  return chain(price, listing)
}
yes<Equal<ReturnType<typeof grouped>, GroupSignature<readonly [], [number, string]>>>(true)
function grouped() {
  return chain(price, group(tax, text))
}
