/* What `apply` resolves to, and what a task by its name is to the compiler. Nothing here runs. */
import { chain, chord, group, map } from '../canvas/canvas.js'
import type { TypedSignature } from '../canvas/typed-signature.js'
import type { App } from './app.js'
import type { AsyncResult } from './async-result.js'
import type { GroupResult } from './group-result.js'

declare const app: App
declare const price: TypedSignature<readonly [], number>
declare const tax: TypedSignature<readonly [number], number>
declare const parts: TypedSignature<readonly [], string[]>
declare const sort: TypedSignature<readonly [readonly number[]], number[]>

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const yes = <T extends true>(_: T): void => undefined

function results() {
  return {
    task: app.apply(price),
    list: app.apply(parts),
    group: app.apply(group(price, parts)),
    chain: app.apply(chain(price, tax)),
    ending: app.apply(chain(price, group(tax, tax))),
    chord: app.apply(chord([price, price], sort)),
    map: app.apply(map(tax, [1, 2])),
  }
}
type Results = { [K in keyof ReturnType<typeof results>]: Awaited<ReturnType<typeof results>[K]> }
yes<Equal<Results['task'], AsyncResult<number>>>(true)
yes<Equal<Results['list'], AsyncResult<string[]>>>(true)
yes<Equal<Results['group'], GroupResult<[number, string[]]>>>(true)
yes<Equal<Results['chain'], AsyncResult<number>>>(true)
yes<Equal<Results['ending'], GroupResult<[number, number]>>>(true)
yes<Equal<Results['chord'], AsyncResult<number[]>>>(true)
yes<Equal<Results['map'], AsyncResult<number[]>>>(true)
// @ts-expect-error tax lacks an argument
app.apply(tax)

const predict = app.remote<(data: number[], model: string) => Promise<number>>('py.predict')
yes<Equal<ReturnType<typeof predict.s<readonly ['small']>>, TypedSignature<readonly [number[]], number>>>(true)
chain(parts, app.remote<(words: string[]) => number>('py.count').s(), tax)
// @ts-expect-error parts gives text
chain(parts, predict.s('small'))
// @ts-expect-error one argument is missing
predict.delay([1])
