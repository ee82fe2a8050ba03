import type { TaskContext } from '../../app/task-context.js'
import type { EpochMs, SteadyMs } from '../../lib/time.js'
import { attemptNumber } from '../../protocol/attempt-number.js'
import type { SimProcess } from './sim-process.js'

/** One entering of a handler. */
export interface Execution {
  /** Place among all executions of the run, from 1: part of every value, so that a value names the execution it came from. */
  readonly number: number
  readonly id: string
  readonly task: string
  readonly retries: number
  /** `attemptNumber`. */
  readonly attempt: number
  readonly args: readonly unknown[]
  /** The worker's. */
  readonly process: SimProcess
  /** Where it runs: the worker's, or that of a child of its pool. */
  readonly place: SimProcess
  /** True time. */
  readonly at: SteadyMs
  /** Wall time of the process. */
  readonly wall: EpochMs
  readonly eta: EpochMs | undefined
  readonly expires: EpochMs | undefined
  readonly redelivered: boolean
  readonly faults: number
  /** What the worker knew of revokes when it entered. */
  readonly revoked: boolean
  /** What the handler did in the end; undefined while it runs, and for ever when its process died. */
  end: Ending | undefined
  endedAt: SteadyMs | undefined
  /** The worker has told the world everything that follows. */
  told: boolean
  /** The worker gave up telling it. */
  gaveUp: boolean
  /** The worker told an end before the handler, deaf to it, had come to its own, which therefore counts for nothing. */
  cutShort: boolean
  /** Its child died before the worker had heard how it ended, which therefore counts for nothing. */
  lost: boolean
}

export type Ending =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly what: string }

/** What ran, in true time: the journal that every invariant is checked against. Handlers write it, no worker can. */
export class Journal {
  readonly executions: Execution[] = []
  /** Tasks of which nobody outside can know whether they had begun in a child that died. */
  readonly doubts: Set<string> = new Set()
  readonly #heard = new Set<Execution>()
  readonly #byId = new Map<string, Execution[]>()
  readonly #now: () => SteadyMs
  readonly #entered: (execution: Execution) => void

  constructor(now: () => SteadyMs, entered: (execution: Execution) => void) {
    this.#now = now
    this.#entered = entered
  }

  of(id: string): readonly Execution[] {
    return this.#byId.get(id) ?? []
  }

  attempt(id: string, retries: number): readonly Execution[] {
    return this.of(id).filter(execution => execution.retries === retries)
  }

  /** First line of every handler. */
  enter(context: TaskContext, process: SimProcess, revoked: boolean, place: SimProcess = process): Execution {
    const { id, task, retries, args, eta, expires } = context
    const { redelivered, faults } = context.deliveryInfo
    const execution: Execution = {
      number: this.executions.length + 1,
      id,
      task,
      retries,
      attempt: attemptNumber(context),
      args,
      process,
      place,
      eta,
      expires,
      redelivered,
      faults,
      revoked,
      at: this.#now(),
      wall: process.runtime.clock.now(),
      end: undefined,
      endedAt: undefined,
      told: false,
      gaveUp: false,
      cutShort: false,
      lost: false,
    }
    this.executions.push(execution)
    const known = this.#byId.get(id)
    if (known === undefined) this.#byId.set(id, [execution])
    else known.push(execution)
    this.#entered(execution)
    return execution
  }

  /** The first execution of a task in a child that nobody has heard of yet; undefined when it has not begun. */
  inChild(place: SimProcess, id: string): Execution | undefined {
    return this.of(id).find(execution => execution.place === place && !this.#heard.has(execution))
  }

  /** The worker has the outcome. */
  heard(execution: Execution): void {
    this.#heard.add(execution)
  }

  /** What the worker has not heard of a child that is gone. */
  lose(place: SimProcess): readonly Execution[] {
    const lost = this.executions.filter(execution => execution.place === place && !this.#heard.has(execution))
    for (const execution of lost) {
      execution.lost = true
      execution.end = undefined
    }
    return lost
  }

  /** Last line of a handler that got so far. */
  leave(execution: Execution, end: Ending): void {
    execution.end = end
    execution.endedAt = this.#now()
  }
}
