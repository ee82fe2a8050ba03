import { type Missing, type Suffix, signature, type TypedSignature } from '../canvas/typed-signature.js'
import type { Kwargs } from '../protocol/signature.js'
import type { AsyncResult } from './async-result.js'
import type { CallOptions } from './call-options.js'
import { checkTaskOptions } from './check-task-options.js'
import type { TaskOptions } from './task-options.js'

/** A task by its name, wherever it runs: to be called, or to stand in a canvas. */
export interface RemoteTask<Args extends readonly unknown[], Result> {
  readonly name: string
  /** Publishes a call; resolves when the broker has it. */
  delay(...args: Args): Promise<AsyncResult<Result>>
  /** The same, with options. */
  applyAsync(
    args: Readonly<Args>,
    options?: CallOptions & { readonly kwargs?: undefined },
  ): Promise<AsyncResult<Result>>
  /** With keyword arguments the positional ones may be fewer. */
  applyAsync(args: readonly unknown[], options: CallOptions & { readonly kwargs: Kwargs }): Promise<AsyncResult<Result>>
  /** A signature: this task with all its arguments, or with the last ones: what calls it puts its result in front. */
  s<const Given extends Suffix<Args>>(...args: Given): TypedSignature<Missing<Args, Given>, Result>
  /** An immutable signature: called with exactly these arguments, whatever comes before it. */
  si(...args: Args): TypedSignature<readonly unknown[], Result>
}

/**
 * A task: a plain function under a name, that can be called here (`resize(url, 800)`), or sent to a worker
 * (`await resize.delay(url, 800)`).
 */
export interface Task<Args extends readonly unknown[], Result> extends RemoteTask<Args, Result> {
  /** Runs the handler here and now. */
  (...args: Args): Result | Promise<Result>
  readonly name: string
  readonly options: TaskOptions
  readonly handler: (...args: Args) => Result | Promise<Result>
}

/** The remote task of a function's type. */
export type RemoteTaskOf<Handler> = Handler extends (...args: infer Args) => infer Return
  ? RemoteTask<Args, Awaited<Return>>
  : never

/**
 * The task that a handler makes. The handler's own type is what is inferred, not its parameters: otherwise a parameter
 * with a default value (`width = 800`) would be of type unknown inside the handler.
 */
export type TaskOf<Handler> = Handler extends (...args: infer Args) => infer Return
  ? Task<Args, Awaited<Return>>
  : never

/** A task whose types nobody knows any more, as the registry keeps it. */
export interface RegisteredTask {
  readonly name: string
  readonly options: TaskOptions
  readonly handler: (...args: never[]) => unknown
}

/** Publishes a call of a task by its name. */
export type SendTask = <Result>(
  name: string,
  args: readonly unknown[],
  options: CallOptions,
) => Promise<AsyncResult<Result>>

const NO_OPTIONS: CallOptions = Object.freeze({})

/** Makes the callable object of a task. Throws `LVG_UNKNOWN_OPTION`. */
export function makeTask<Args extends readonly unknown[], Result>(
  name: string,
  handler: (...args: Args) => Result | Promise<Result>,
  options: TaskOptions,
  send: SendTask,
): Task<Args, Result> {
  checkTaskOptions(name, options)
  const task = (...args: Args): Result | Promise<Result> => handler(...args)
  const members = { options, handler, ...callsOf(name, send) }
  Object.defineProperty(task, 'name', { value: name, enumerable: true })
  // The members above are those of Task; the compiler cannot follow the partial application of `s`.
  return Object.freeze(Object.assign(task, members)) as unknown as Task<Args, Result>
}

export function makeRemoteTask(name: string, send: SendTask): RemoteTask<readonly unknown[], unknown> {
  // As for tasks: what is called with what, the caller's types say.
  return Object.freeze({ name, ...callsOf(name, send) }) as unknown as RemoteTask<readonly unknown[], unknown>
}

function callsOf(name: string, send: SendTask): object {
  return {
    delay: (...args: readonly unknown[]) => send(name, args, NO_OPTIONS),
    applyAsync: (args: readonly unknown[], call: CallOptions = NO_OPTIONS) => send(name, args, call),
    s: (...args: readonly unknown[]) => signature(name, args, false),
    si: (...args: readonly unknown[]) => signature(name, args, true),
  }
}
