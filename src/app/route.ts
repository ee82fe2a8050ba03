import type { ExchangeType } from '../brokers/broker.js'
import type { Kwargs } from '../protocol/signature.js'

/** Where and how a task is sent: any publish option, weaker than the same option of the call. */
export interface RouteOptions {
  readonly queue?: string | undefined
  readonly exchange?: string | undefined
  readonly exchangeType?: ExchangeType | undefined
  readonly routingKey?: string | undefined
  readonly priority?: number | undefined
  readonly deliveryMode?: 'persistent' | 'transient' | 1 | 2 | undefined
  readonly serializer?: string | undefined
  readonly compression?: string | undefined
}

/** A queue's name, or options. Null or undefined: no answer, ask the next one. */
export type RouteAnswer = string | RouteOptions | null | undefined

export type RouteFunction = (
  name: string,
  args: readonly unknown[],
  kwargs: Kwargs,
  options: RouteOptions,
) => RouteAnswer

/** The older form: an object with one method. */
export interface RouteObject {
  routeForTask(name: string, args: readonly unknown[], kwargs: Kwargs): RouteAnswer
}

/** Task name, or shell pattern when it contains `*`, → route. Exact names win; patterns in the order of definition. */
export type RouteMap = Readonly<Record<string, string | RouteOptions>>

/** The same as pairs, which may also hold regular expressions (matched from the start of the name). */
export type RoutePairs = readonly (readonly [string | RegExp, string | RouteOptions])[]

export type RouteRule = RouteMap | RoutePairs | RouteFunction | RouteObject

/** Setting `taskRoutes`: a map, a function, or a list of rules of which the first answer counts. */
export type TaskRoutes = RouteMap | RouteFunction | RouteObject | readonly RouteRule[]
