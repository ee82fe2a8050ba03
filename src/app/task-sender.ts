import type { ResultOf, TypedSignature } from '../canvas/typed-signature.js'
import { parseDuration } from '../lib/duration.js'
import type { Ms } from '../lib/time.js'
import type { Signature } from '../protocol/signature.js'
import { AsyncResult } from './async-result.js'
import { badOption, type CallOptions, checkCallOptions } from './call-options.js'
import { runningTask } from './current-task.js'
import type { Dispatch } from './dispatch.js'
import type { EagerRuns } from './eager-runs.js'
import { type BatchEntry, BatchError } from './errors.js'
import { type OutgoingCall, type OutgoingContext, type OutgoingWorld, outgoingCall } from './outgoing.js'
import type { ResultSource } from './result.js'
import { keywordedOptionsOf } from './set-options.js'
import type { RegisteredTask } from './task.js'
import type { TaskContext } from './task-context.js'
import type { TaskPolicy } from './task-options.js'

/** What sending tasks needs of an app. */
export interface SendingApp extends OutgoingWorld, ResultSource {
  findTask(name: string): RegisteredTask | undefined
  policy(name: string): Pick<TaskPolicy, 'trail'>
}

/** Results of a batch, in the order and with the types of its signatures. */
export type BatchResults<Signatures extends readonly Signature[]> = {
  readonly [I in keyof Signatures]: AsyncResult<ResultOf<Signatures[I]>>
}

/** Options that hold for all of a batch. */
export type BatchOptions = Pick<CallOptions, 'publishTimeout' | 'signal' | 'transaction' | 'dispatchOnCommit'>

/**
 * Sends calls of tasks, each in two steps: `prepare` makes the message, and everything that can go wrong without a broker goes
 * wrong there; `carryOut` gives it to the dispatch, or runs it here where tasks are eager.
 */
export class TaskSender {
  readonly #app: SendingApp
  readonly #dispatch: Pick<Dispatch, 'expectResult' | 'send'>
  readonly #eager: Pick<EagerRuns, 'run'>

  constructor(app: SendingApp, dispatch: Pick<Dispatch, 'expectResult' | 'send'>, eager: Pick<EagerRuns, 'run'>) {
    this.#app = app
    this.#dispatch = dispatch
    this.#eager = eager
  }

  /** As `App.sendTask`. */
  async send<Result>(name: string, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<Result>> {
    return await this.#carryOut<Result>(this.#prepare(name, args, options, runningTask()), options)
  }

  /** A call as a signature says it, with options over its own. */
  sendSignature<Result>(signature: Signature, options: CallOptions): Promise<AsyncResult<Result>> {
    return this.send(signature.task, signature.args, { ...keywordedOptionsOf(signature), ...options })
  }

  /** As `App.publishMany`. */
  async sendAll<const Signatures extends readonly TypedSignature<readonly [], unknown>[]>(
    calls: Signatures,
    options: BatchOptions,
  ): Promise<BatchResults<Signatures>> {
    const context = runningTask()
    const prepared = calls.map(call => this.#prepare(call.task, call.args, keywordedOptionsOf(call), context))
    const outcomes = await Promise.allSettled(prepared.map(call => this.#carryOut(call, options)))
    const entries = outcomes.map((outcome, i): BatchEntry => {
      const id = (prepared[i] as Prepared).sent.id
      return outcome.status === 'fulfilled' ? { kind: 'accepted', id } : { kind: 'failed', id, error: outcome.reason }
    })
    if (entries.some(entry => entry.kind === 'failed')) throw new BatchError(entries)
    const results = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    // One result per signature, in order.
    return results as unknown as BatchResults<Signatures>
  }

  /** As `App.sendOnce`. */
  async sendOnce(publishId: string, name: string, args: readonly unknown[], options: CallOptions): Promise<void> {
    const { sent } = this.#prepare(name, args, options, undefined, { publishId })
    const limits = { timeout: timeoutOf(name, options), signal: options.signal }
    await this.#dispatch.send(name, sent.outgoing, limits, options)
  }

  /** Throws what `send` would reject with before it asks a broker. */
  check(name: string, args: readonly unknown[], options: CallOptions): void {
    this.#prepare(name, args, options, undefined)
  }

  #prepare(
    name: string,
    args: readonly unknown[],
    options: CallOptions,
    context: TaskContext | undefined,
    nowhere: OutgoingContext = NOWHERE,
  ): Prepared {
    const app = this.#app
    checkCallOptions(name, options)
    const sent = outgoingCall(app, name, args, options, context === undefined ? nowhere : this.#lineage(context))
    const own = app.taskOptions(name)
    const ignored =
      options.ignoreResult ?? (own === undefined ? false : (own.ignoreResult ?? app.settings.taskIgnoreResult))
    const parent = options.addToParent === false ? undefined : context
    return { name, sent, ignored, parent }
  }

  async #carryOut<Result>(
    { name, sent, ignored, parent }: Prepared,
    options: BatchOptions,
  ): Promise<AsyncResult<Result>> {
    const app = this.#app
    if (app.settings.taskAlwaysEager && app.findTask(name) !== undefined) {
      const meta = await this.#eager.run(name, sent.outgoing.message)
      return new AsyncResult<Result>(sent.id, app, { ignored, meta })
    }
    const limits = { timeout: timeoutOf(name, options), signal: options.signal }
    if (!ignored) await this.#dispatch.expectResult(limits)
    await this.#dispatch.send(name, sent.outgoing, limits, options)
    if (parent !== undefined && app.policy(parent.task).trail) {
      parent.addChild({ id: sent.id, parent: undefined, members: undefined })
    }
    return new AsyncResult<Result>(sent.id, app, { ignored, rootId: sent.rootId })
  }

  #lineage(context: TaskContext): OutgoingContext {
    const priority = this.#app.settings.taskInheritParentPriority ? context.deliveryInfo.priority : undefined
    return { rootId: context.rootId, parentId: context.id, priority }
  }
}

interface Prepared {
  readonly name: string
  readonly sent: OutgoingCall
  readonly ignored: boolean
  /** The running task, when it is to remember this one. */
  readonly parent: TaskContext | undefined
}

const NOWHERE: OutgoingContext = Object.freeze({})

function timeoutOf(task: string, options: Pick<CallOptions, 'publishTimeout'>): Ms | undefined {
  if (options.publishTimeout === undefined) return undefined
  const span = parseDuration(options.publishTimeout)
  if (span === undefined)
    throw badOption(task, 'publishTimeout', "seconds, or text such as '5s'", options.publishTimeout)
  return span
}
