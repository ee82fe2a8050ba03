import { AssertionError } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { DeadLetterReason } from '../../protocol/dead-letter.js'
import type { Kwargs } from '../../protocol/signature.js'
import type { RecordedDeadLetter, RecordedTask } from './recorded-task.js'
import { describeTask, show, showArguments, times } from './show-task.js'

/** Which calls of a task are meant; all of them when nothing is given. */
export interface Which {
  /** Exactly these arguments, or what the function says of them. */
  readonly args?: readonly unknown[] | ((args: readonly unknown[]) => boolean)
  /** Exactly these keyword arguments, or what the function says of them. */
  readonly kwargs?: Kwargs | ((kwargs: Kwargs) => boolean)
  /** The queue it was routed to. */
  readonly queue?: string
  /** Anything else. */
  readonly where?: (task: RecordedTask) => boolean
}

export interface HowOften extends Which {
  /** Exactly so often; default at least once. */
  readonly times?: number
}

export interface RunExpected extends HowOften {
  /** Only runs by this worker count. */
  readonly worker?: string
}

export interface SuccessExpected extends HowOften {
  /** What it returned. */
  readonly value?: unknown
}

export interface FailureExpected extends HowOften {
  /** Part of the message, a pattern for it, or the class of the error. */
  readonly error?: string | RegExp | (new (...args: never[]) => Error)
}

export interface WaitingExpected extends HowOften {
  /** Not before this instant. */
  readonly eta?: Date
}

export interface DeadLetterExpected {
  readonly reason?: DeadLetterReason
  readonly times?: number
}

/**
 * Assertions about the calls of one task. Each throws `AssertionError` saying what happened instead, and gives the calls
 * that it is about. Needs no test framework.
 */
export class TaskExpectation {
  readonly #name: string
  readonly #all: readonly RecordedTask[]
  readonly #deadLetters: readonly RecordedDeadLetter[]

  constructor(name: string, all: readonly RecordedTask[], deadLetters: readonly RecordedDeadLetter[]) {
    this.#name = name
    this.#all = all
    this.#deadLetters = deadLetters
  }

  /** It was published, whether it has run or not. */
  toBePublished(expected: HowOften = {}): readonly RecordedTask[] {
    return this.#count('to be published', this.#calls(expected), expected, this.toBePublished)
  }

  notToBePublished(which: Which = {}): void {
    this.#none('not to be published', this.#calls(which), which, this.notToBePublished)
  }

  /** Its handler was entered; every attempt counts. */
  toHaveRun(expected: RunExpected = {}): readonly RecordedTask[] {
    const { worker } = expected
    const runsOf = (task: RecordedTask): number =>
      task.runs.filter(run => worker === undefined || run.worker === worker).length
    const ran = this.#calls(expected).filter(task => runsOf(task) > 0)
    const count = ran.reduce((sum, task) => sum + runsOf(task), 0)
    return this.#count('to have run', ran, expected, this.toHaveRun, count)
  }

  notToHaveRun(which: Which = {}): void {
    const ran = this.#calls(which).filter(task => task.runs.length > 0)
    this.#none('not to have run', ran, which, this.notToHaveRun)
  }

  toHaveSucceeded(expected: SuccessExpected = {}): readonly RecordedTask[] {
    const done = this.#calls(expected).filter(
      ({ state, value }) =>
        state === 'succeeded' && (!('value' in expected) || isDeepStrictEqual(value, expected.value)),
    )
    return this.#count('to have succeeded', done, expected, this.toHaveSucceeded)
  }

  /** It failed for good: no retry is left. */
  toHaveFailed(expected: FailureExpected = {}): readonly RecordedTask[] {
    const failed = this.#calls(expected).filter(
      ({ state, error }) => state === 'failed' && isMeant(error, expected.error),
    )
    return this.#count('to have failed', failed, expected, this.toHaveFailed)
  }

  /** `times` counts the retries of all calls. */
  toHaveRetried(expected: HowOften = {}): readonly RecordedTask[] {
    const retried = this.#calls(expected).filter(({ retries }) => retries.length > 0)
    const count = retried.reduce((sum, { retries }) => sum + retries.length, 0)
    return this.#count('to have been retried', retried, expected, this.toHaveRetried, count)
  }

  /** It is in a queue, or held for its eta: published, and not begun, or to be run again. */
  toBeWaiting(expected: WaitingExpected = {}): readonly RecordedTask[] {
    const { eta } = expected
    const waiting = this.#calls(expected).filter(
      task =>
        (task.state === 'waiting' || task.state === 'retrying') &&
        (eta === undefined || task.eta?.getTime() === eta.getTime()),
    )
    return this.#count('to be waiting', waiting, expected, this.toBeWaiting)
  }

  /** Its message is in the dead-letter place of its queue. */
  toBeDeadLettered(expected: DeadLetterExpected = {}): readonly RecordedDeadLetter[] {
    const { reason } = expected
    const all = this.#deadLetters.filter(({ name }) => name === this.#name)
    const dead = all.filter(letter => reason === undefined || letter.reason === reason)
    if (expected.times === undefined ? dead.length > 0 : dead.length === expected.times) return dead
    const found = all.length === 0 ? ['no dead letter of it'] : all.map(letter => `${letter.reason}: ${letter.detail}`)
    throw this.#error('to be a dead letter', expected, dead.length, found, this.toBeDeadLettered)
  }

  #calls(which: Which): readonly RecordedTask[] {
    return this.#all.filter(task => task.name === this.#name && fits(task, which))
  }

  #count(
    what: string,
    found: readonly RecordedTask[],
    expected: HowOften,
    stackStart: CallableFunction,
    count: number = found.length,
  ): readonly RecordedTask[] {
    if (expected.times === undefined ? count > 0 : count === expected.times) return found
    throw this.#error(what, expected, count, this.#others(), stackStart)
  }

  #none(what: string, found: readonly RecordedTask[], which: Which, stackStart: CallableFunction): void {
    if (found.length === 0) return
    throw this.#error(what, which, found.length, found.map(describeTask), stackStart)
  }

  /** What a reader wants to see instead: its own calls, otherwise which tasks there were. */
  #others(): readonly string[] {
    const own = this.#all.filter(({ name }) => name === this.#name)
    if (own.length > 0) return own.map(describeTask)
    const names = [...new Set(this.#all.map(({ name }) => name))]
    return [
      names.length === 0 ? 'nothing was published at all' : `it was not published; published were: ${names.join(', ')}`,
    ]
  }

  #error(
    what: string,
    expected: object,
    count: number,
    found: readonly string[],
    stackStart: CallableFunction,
  ): AssertionError {
    const wanted = 'times' in expected && typeof expected.times === 'number' ? ` ${times(expected.times)}` : ''
    const lines = [...found.slice(0, 20), ...(found.length > 20 ? [`… and ${found.length - 20} more`] : [])]
    const message = `expected ${this.#name} ${what}${wanted}${narrowed(expected)}; it was so ${times(count)}. What there is:\n${lines.map(line => `  ${line}`).join('\n')}`
    return new AssertionError({ message, actual: found, expected, operator: what, stackStartFn: stackStart as never })
  }
}

function fits(task: RecordedTask, { args, kwargs, queue, where }: Which): boolean {
  return (
    matches(task.args, args) &&
    matches(task.kwargs, kwargs) &&
    (queue === undefined || task.queue === queue) &&
    (where === undefined || where(task))
  )
}

function matches<T>(actual: T, expected: T | ((value: T) => boolean) | undefined): boolean {
  if (expected === undefined) return true
  // Neither arguments nor keyword arguments are functions.
  return typeof expected === 'function'
    ? (expected as (value: T) => boolean)(actual)
    : isDeepStrictEqual(plain(actual), plain(expected))
}

/** Decoded objects may lack the prototype that literals have. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}

function isMeant(error: unknown, expected: FailureExpected['error']): boolean {
  if (expected === undefined) return true
  const message = error instanceof Error ? error.message : String(error)
  if (typeof expected === 'string') return message.includes(expected)
  return expected instanceof RegExp ? expected.test(message) : error instanceof expected
}

function narrowed(expected: object): string {
  const { args, kwargs, times: _, ...rest } = expected as HowOften & Readonly<Record<string, unknown>>
  const called =
    Array.isArray(args) || typeof kwargs === 'object'
      ? ` with (${showArguments({ args: Array.isArray(args) ? args : [], kwargs: typeof kwargs === 'object' ? kwargs : {} })})`
      : ''
  const others = Object.entries(rest).filter(([, value]) => value !== undefined)
  return `${called}${others.map(([key, value]) => `, ${key} ${show(value)}`).join('')}`
}
