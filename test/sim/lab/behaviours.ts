import type { App } from '../../../src/app/app.js'
import { currentTask } from '../../../src/app/current-task.js'
import { Ignore, Reject } from '../../../src/app/errors.js'
import type { TaskContext } from '../../../src/app/task-context.js'
import type { TaskOptions } from '../../../src/app/task-options.js'
import type { Ms } from '../../../src/lib/time.js'
import type { Execution, Journal } from '../../../src/testing/sim/journal.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'

/*
 * The tasks of the laboratory. Each handler writes the journal first thing and last thing, and returns a value from which
 * its argument and its execution can be read: `{run, v}`. There are two of each, with late and with early acks.
 */

export type Behaviour =
  | 'plain'
  | 'slow'
  | 'failing'
  | 'flaky'
  | 'asking'
  | 'hopeless'
  | 'ignoring'
  | 'rejecting'
  | 'requeueing'
  | 'strict'
  | 'soft'
  | 'hard'
  | 'poison'
  | 'unknown'
  | 'rare'
  | 'parent'
  | 'malformed'

/** How the undisturbed story of each ends, with late and with early acks. */
export const ENDS: Readonly<Record<Behaviour, 'success' | 'failure' | 'nothing' | 'poison'>> = {
  plain: 'success',
  slow: 'success',
  failing: 'failure',
  flaky: 'success',
  asking: 'success',
  hopeless: 'failure',
  ignoring: 'nothing',
  rejecting: 'failure',
  requeueing: 'success',
  strict: 'failure',
  soft: 'failure',
  hard: 'failure',
  poison: 'poison',
  unknown: 'failure',
  rare: 'success',
  parent: 'success',
  malformed: 'nothing',
}

export const BURIED: ReadonlySet<Behaviour> = new Set(['rejecting', 'strict', 'poison', 'unknown', 'malformed'])

/** The hard limit of `hard`. */
const HARD_LIMIT: Ms = 1000

/** After how long its worker must end a task, whatever it does; undefined = it need not. */
export function limitOf(task: string): Ms | undefined {
  return task.startsWith('hard.') ? HARD_LIMIT : undefined
}

export function taskOf(behaviour: Behaviour, late: boolean): string {
  return `${behaviour}.${late ? 'late' : 'early'}`
}

/** What every successful execution makes of its argument: a number, the value of a task, or a list of these. */
export function resultOf(argument: unknown): number {
  return (2 * numberOf(argument) + 1) % 1_000_003
}

function numberOf(argument: unknown): number {
  if (Array.isArray(argument)) return argument.reduce((sum: number, item) => sum + numberOf(item), 0)
  // An errback is given the id of the task that failed.
  if (typeof argument === 'string') return argument.length
  if (typeof argument === 'object' && argument !== null && 'v' in argument) return Number(argument.v)
  return Number(argument)
}

export interface BehaviourParts {
  readonly app: App
  /** The worker's. */
  readonly process: SimProcess
  /** Where handlers run: the same, or that of a child of its pool. */
  readonly place: SimProcess
  readonly journal: Journal
  /** Longest run of a slow task. */
  readonly longest: Ms
  isRevoked(id: string): boolean
  /** A handler has come to its end. */
  ended(): void
  /** Tells that a task publishes another one, and that the broker has it. */
  child(id: string, fate: 'attempted' | 'accepted'): void
}

type Handler = (argument: unknown, context: TaskContext) => unknown

/** Registers those that are wanted, but for `unknown` and `malformed`; `rare` only where it is known. */
export function defineBehaviours(parts: BehaviourParts, wanted: ReadonlySet<string>, knowsRare: boolean): void {
  const { app, place, journal } = parts
  const { clock, random } = place.runtime
  const handlers: Readonly<Record<Exclude<Behaviour, 'unknown' | 'malformed'>, readonly [Handler, TaskOptions?]>> = {
    plain: [() => undefined],
    slow: [() => clock.sleep(random.next() * parts.longest)],
    failing: [fail],
    flaky: [
      (_, { retries }) => {
        if (retries < 2) throw new Error('not yet')
      },
      { autoretryFor: [Error], retryBackoff: true, retryBackoffMax: '4s', maxRetries: 5 },
    ],
    asking: [
      (_, context) => {
        if (context.retries < 1) throw context.retry({ countdown: 0.5 })
      },
    ],
    hopeless: [
      (_, context) => {
        throw context.retry({ countdown: 0.2, maxRetries: 1, error: new RangeError('never') })
      },
    ],
    ignoring: [
      () => {
        throw new Ignore()
      },
    ],
    rejecting: [
      () => {
        throw new Reject('not mine')
      },
    ],
    requeueing: [
      (_, { deliveryInfo }) => {
        if (deliveryInfo.faults === 0) throw new Reject('later', { requeue: true })
      },
    ],
    strict: [fail, { acksOnFailure: false }],
    soft: [(_, { signal }) => clock.sleep(600_000, signal), { softTimeLimit: '1s' }],
    hard: [() => clock.sleep(600_000), { timeLimit: `${HARD_LIMIT}ms` }],
    poison: [
      () => {
        place.kill()
        return new Promise(() => undefined)
      },
    ],
    rare: [() => undefined],
    parent: [(argument, context) => publishChild(argument, context, parts)],
  }
  for (const [name, [handler, options = {}]] of Object.entries(handlers)) {
    if (name === 'rare' && !knowsRare) continue
    for (const late of [true, false]) {
      if (!wanted.has(taskOf(name as Behaviour, late))) continue
      app.task(taskOf(name as Behaviour, late), (argument: unknown) => run(argument, handler, parts, journal), {
        ...options,
        acksLate: late,
      })
    }
  }
}

function run(argument: unknown, handler: Handler, parts: BehaviourParts, journal: Journal): unknown {
  const context = currentTask()
  const { process, place } = parts
  // What a child has been given already it begins: revoking comes too late.
  const revoked = place === process && parts.isRevoked(context.id)
  const execution = journal.enter(context, process, revoked, place)
  const returned = (): unknown => {
    const value = { run: execution.number, v: resultOf(argument) }
    journal.leave(execution, { kind: 'returned', value })
    parts.ended()
    return value
  }
  try {
    const done = handler(argument, context)
    if (!(done instanceof Promise)) return returned()
    return done.then(returned, error => threw(error, execution, journal))
  } catch (error) {
    return threw(error, execution, journal)
  }
}

function threw(error: unknown, execution: Execution, journal: Journal): never {
  journal.leave(execution, { kind: 'threw', what: String(error) })
  throw error
}

function fail(argument: unknown): never {
  throw new RangeError(`no ${JSON.stringify(argument)}`)
}

/** The same child from every execution: its id is fixed. Goes on until the broker has it. */
async function publishChild(argument: unknown, { id }: TaskContext, parts: BehaviourParts): Promise<void> {
  const child = childOf(id)
  parts.child(child, 'attempted')
  for (;;) {
    try {
      await parts.app.sendTask(taskOf('plain', true), [resultOf(argument)], { taskId: child })
      parts.child(child, 'accepted')
      return
    } catch {
      await parts.place.runtime.clock.sleep(1000)
    }
  }
}

export function childOf(id: string): string {
  return `${id}.child`
}
