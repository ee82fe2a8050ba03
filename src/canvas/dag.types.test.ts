/* What the compiler says of graphs. Nothing here runs. */
import { type GroupSignature, group } from './canvas.js'
import { type Dag, dag } from './dag.js'
import type { TypedSignature } from './typed-signature.js'

declare const price: TypedSignature<readonly [], number>
declare const tax: TypedSignature<readonly [number], number>
declare const label: TypedSignature<readonly [number], string>
declare const total: TypedSignature<readonly [readonly number[]], number>
declare const line: TypedSignature<readonly [readonly [number, string]], string>
declare const still: TypedSignature<readonly unknown[], boolean>
declare const both: GroupSignature<readonly [], [number, string]>

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const yes = <T extends true>(_: T): void => undefined

const bill = dag({
  net: price,
  gross: { run: tax, after: 'net' },
  text: { run: label, after: 'gross' },
  line: { run: line, after: ['gross', 'text'] },
  sum: { run: total, after: ['net', 'gross'] },
  done: { run: still, after: ['line', 'sum'] },
  pair: both,
  second: { run: line, after: 'pair' },
})
yes<
  Equal<
    typeof bill,
    Dag<{
      readonly net: number
      readonly gross: number
      readonly text: string
      readonly line: string
      readonly sum: number
      readonly done: boolean
      readonly pair: [number, string]
      readonly second: string
    }>
  >
>(true)

// @ts-expect-error there is no node called gros
dag({ net: price, gross: { run: tax, after: 'gros' } })
// @ts-expect-error there is no node called gros
dag({ net: price, sum: { run: total, after: ['net', 'gros'] } })
// @ts-expect-error tax takes a number, text gives text
dag({ net: price, text: { run: label, after: 'net' }, gross: { run: tax, after: 'text' } })
// @ts-expect-error tax takes a number, a list of names gives a list
dag({ net: price, gross: { run: tax, after: ['net'] } })
// @ts-expect-error total takes numbers, text gives text
dag({ net: price, text: { run: label, after: 'net' }, sum: { run: total, after: ['net', 'text'] } })
// @ts-expect-error tax takes a number that nobody gives
dag({ gross: tax })

group(price)
