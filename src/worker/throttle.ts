import type { TaskPolicy } from '../app/task-options.js'
import type { LimitAnswer, LimitRequest } from '../brokers/limits/limit-store.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { TaskName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import { Alarm } from './alarm.js'
import { Gate } from './gate.js'
import { type LimitTerms, limitTerms } from './limit-terms.js'
import { RateLine } from './rate-line.js'
import type { Running } from './running.js'

/** Celery's rates of tasks, as they are now. */
export interface Rates {
  /** All rates are ignored. */
  readonly ratesDisabled: boolean
  /** Tasks without a rate of their own may have one. */
  readonly anyRateSet: boolean
  /** Starts per second; 0 = no limit. */
  rate(task: TaskName, policy: TaskPolicy): number
}

export interface ThrottleParts {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  readonly rates: Rates
  /** Limits that this worker counts by itself, and those that the cluster counts. */
  readonly own: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  readonly cluster: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  /** Longest wait here for a place; the broker takes back what is held too long. */
  readonly waitMost: Ms
  policy(request: TaskRequest): TaskPolicy
  /** Slots that nobody runs in or waits for. */
  free(): number
  /** Its turn has come. */
  pass(running: Running): void
  /** Its turn is so far off: true when it has left, to come again. */
  far(running: Running, wait: Ms): boolean
}

/**
 * The room in which deliveries of tasks with limits wait for their turn: they occupy memory and a place that the prefetch
 * window is widened by, and no slot. First for Celery's rate: a line per task; another rate opens a new line, and the old
 * one drains at its own. Then for what is counted (gate.ts). On a connection loss lines are emptied, since their messages
 * come again, and buckets stay as they are. Source: celery/worker/consumer/consumer.py `_limit_task`,
 * `_schedule_bucket_request`, `on_close`.
 */
export class Throttle implements Disposable {
  readonly #parts: ThrottleParts
  readonly #lines = new Map<string, RateLine>()
  readonly #lineOf = new Map<Running, RateLine>()
  readonly #alarm: Alarm<RateLine>
  readonly #armed = new Set<RateLine>()
  /** Buckets are as old as the worker, or as the limit of their task; what passes at once after an idle time hangs on that. */
  readonly #made = new Map<string, SteadyMs>()
  readonly #madeAt: SteadyMs
  readonly #own: Gate
  readonly #cluster: Gate
  /** Users' key functions are asked once. */
  readonly #terms = new WeakMap<TaskRequest, { readonly terms: LimitTerms | undefined }>()

  constructor(parts: ThrottleParts) {
    this.#parts = parts
    this.#madeAt = parts.runtime.clock.steady()
    this.#alarm = new Alarm(parts.runtime.clock, 'steady', line => this.#ring(line))
    this.#own = new Gate({ ...parts, limit: parts.own })
    this.#cluster = new Gate({ ...parts, limit: parts.cluster })
  }

  /** Deliveries that wait. */
  get size(): number {
    return this.#lineOf.size + this.#own.size + this.#cluster.size
  }

  /** Turns that are being asked for: a slot is kept for each. */
  get asked(): number {
    return this.#own.asked + this.#cluster.asked
  }

  has(running: Running): boolean {
    return this.#lineOf.has(running) || this.#own.has(running) || this.#cluster.has(running)
  }

  get waiting(): Iterable<Running> {
    return [...this.#lineOf.keys(), ...this.#own.waiting, ...this.#cluster.waiting]
  }

  /**
   * How long a delivery of this task would wait, as far as this worker can know; undefined = it has no limit. `returning`: it
   * may have been sent away before.
   */
  turn(request: TaskRequest, policy: TaskPolicy, returning: boolean): Ms | undefined {
    // Most tasks of most workers have none.
    if (policy.limits === undefined && !this.#parts.rates.anyRateSet) return undefined
    const wait = this.#line(request.task, policy)?.turn(this.#now(), returning)
    const terms = this.#termsOf(request, policy)
    if (terms === undefined) return wait
    return Math.max(wait ?? 0, this.#gate(policy).turn(request.task, terms, returning))
  }

  enter(running: Running, policy: TaskPolicy): void {
    const line = this.#line(running.request.task, policy)
    if (line === undefined) {
      this.#enterGate(running, policy)
      return
    }
    line.join(running)
    this.#lineOf.set(running, line)
    if (!this.#armed.has(line)) this.#draw(line)
  }

  /** It was given back to its queue, to come again after that. */
  sentAway(request: TaskRequest, policy: TaskPolicy, delay: Ms): void {
    const terms = this.#termsOf(request, policy)
    if (terms === undefined) this.#line(request.task, policy)?.sentAway(this.#now() + delay)
    else this.#gate(policy).sentAway(request.task, terms, delay)
  }

  leave(running: Running): void {
    this.#lineOf.get(running)?.leave(running)
    this.#lineOf.delete(running)
    this.#own.leave(running)
    this.#cluster.leave(running)
  }

  /** Everybody leaves; who they were. */
  clear(): readonly Running[] {
    const waiting = [...this.#lineOf.keys(), ...this.#own.clear(), ...this.#cluster.clear()]
    for (const line of this.#lineOf.values()) line.clear()
    this.#lineOf.clear()
    this.#alarm.clear()
    this.#armed.clear()
    return waiting
  }

  /** It had its turn, and is over: what it held is free. */
  ended(running: Running): void {
    this.#cluster.ended(running)
  }

  /** There may be slots for those who wait. */
  look(): void {
    this.#own.look()
    this.#cluster.look()
  }

  /** There is another session at the cluster's store. */
  resumed(): void {
    this.#cluster.resumed()
  }

  /** The next of this task enter a line of the new rate. */
  rateChanged(task: string): void {
    this.#lines.delete(task)
    this.#made.set(task, this.#now())
  }

  [Symbol.dispose](): void {
    this.clear()
    this.#own[Symbol.dispose]()
    this.#cluster[Symbol.dispose]()
  }

  #enterGate(running: Running, policy: TaskPolicy): void {
    const terms = this.#termsOf(running.request, policy)
    if (terms === undefined) this.#parts.pass(running)
    else this.#gate(policy).enter(running, terms)
  }

  #gate({ limits }: TaskPolicy): Gate {
    return limits?.counted?.scope === 'worker' && limits.concurrent === undefined ? this.#own : this.#cluster
  }

  /** Without a key that can be used it is counted with all others of its task that have none. */
  #termsOf(request: TaskRequest, { limits }: TaskPolicy): LimitTerms | undefined {
    if (limits?.counted === undefined && limits?.concurrent === undefined) return undefined
    const known = this.#terms.get(request)
    if (known !== undefined) return known.terms
    const counted = this.#parts.rates.ratesDisabled ? undefined : limits.counted
    const given = { counted, concurrent: limits.concurrent }
    let terms: LimitTerms | undefined
    try {
      terms = limitTerms(request, given)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#parts.runtime.log.error(`The limit of task ${request.task}[${request.id}] has no key: ${why}`, { error })
      terms = limitTerms(request, {
        counted: counted && { ...counted, key: undefined },
        concurrent: given.concurrent && { ...given.concurrent, key: undefined },
      })
    }
    this.#terms.set(request, { terms })
    return terms
  }

  #line(task: TaskName, policy: TaskPolicy): RateLine | undefined {
    const present = this.#lines.get(task)
    if (present !== undefined) return present
    const rate = this.#parts.rates.rate(task, policy)
    if (rate === 0) return undefined
    const line = new RateLine(rate, this.#made.get(task) ?? this.#madeAt)
    this.#lines.set(task, line)
    return line
  }

  #ring(line: RateLine): void {
    this.#armed.delete(line)
    this.#draw(line)
  }

  #draw(line: RateLine): void {
    const now = this.#now()
    const { passed, wait } = line.draw(now)
    if (wait !== undefined) {
      this.#armed.add(line)
      this.#alarm.set(now + wait, line)
    }
    for (const running of passed) this.#lineOf.delete(running)
    for (const running of passed) this.#enterGate(running, this.#parts.policy(running.request))
  }

  #now(): SteadyMs {
    return this.#parts.runtime.clock.steady()
  }
}
