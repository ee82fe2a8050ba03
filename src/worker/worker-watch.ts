import { StallError } from '../app/errors.js'
import type { Settings } from '../app/settings.js'
import type { UnservedQueue } from '../app/unserved-queues.js'
import type { Queue } from '../brokers/broker.js'
import type { LoopBeat } from '../lib/loop-beat.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { QueueName } from '../protocol/ids.js'
import type { Companion } from './companion.js'
import type { HealthFacts, Stall } from './health.js'
import { LoopWatch } from './loop-watch.js'
import { StallWatch } from './stall-watch.js'
import { UnservedWatch } from './unserved-watch.js'

export interface WorkerWatchParts {
  readonly runtime: Runtime
  readonly settings: Settings
  readonly exitOnStall: boolean
  readonly beat: LoopBeat | undefined
  /** Consumed now. */
  queues(): readonly Queue[]
  /** That tasks are known to be sent to. */
  known(): readonly string[]
  flow(): WorkerFlow
  /** Connects anew. */
  renew(): void
  /** Ends the worker. */
  fail(error: StallError): void
  /** Tells those who observe the worker. */
  happened(type: string, fields: Readonly<Record<string, unknown>>): void
}

/** How full the worker is. */
export interface WorkerFlow {
  readonly busy: number
  readonly slots: number
  /** Deliveries not settled yet. */
  readonly held: number
  /** Prefetch window; 0 = no limit. */
  readonly window: number
}

/** What watches a worker at work, what is told of it, and what follows. */
export class WorkerWatch implements Disposable {
  readonly loop: LoopWatch
  readonly companions: readonly Companion[]
  readonly #parts: WorkerWatchParts
  readonly #stalls: StallWatch | undefined
  /** Once full, whether or not they are consumed again. */
  readonly #full = new Set<QueueName>()
  #delivered = 0

  constructor(parts: WorkerWatchParts) {
    const { runtime, settings } = parts
    this.#parts = parts
    this.loop = new LoopWatch({
      runtime,
      limit: settings.workerLoopLagLimit,
      beat: parts.beat,
      looked: lag => this.#looked(lag),
    })
    this.#stalls = settings.workerStallTimeout === 0 ? undefined : this.#stallWatch(settings.workerStallTimeout)
    const unserved = settings.workerUnservedQueueWarning ? this.#unservedWatch() : undefined
    this.companions = [this.#stalls, unserved].filter(watch => watch !== undefined)
  }

  /** A message came. */
  delivered(): void {
    this.#delivered++
  }

  /** D64: `queue` is about to be consumed no longer, because its dead-letter place holds `holds`. */
  full(queue: QueueName, holds: string): void {
    if (this.#unconsumed().includes(queue)) return
    this.#full.add(queue)
    this.#parts.runtime.log.critical(
      `The dead-letter place of queue '${queue}' holds ${holds}; consuming '${queue}' stops. Look at them with \`lovage dead list ${queue}\`, then requeue or purge.`,
      { queue },
    )
    this.#parts.happened('dead-letters-full', { queue })
  }

  get facts(): Omit<HealthFacts, 'mode' | 'consuming'> {
    const { busy, slots } = this.#parts.flow()
    const { block } = this.loop
    return {
      stall: this.#stalls?.stall,
      full: this.#unconsumed(),
      block: block === undefined ? undefined : { block, ago: this.#parts.runtime.clock.steady() - block.at },
      deliveries: this.#delivered,
      busy,
      slots,
    }
  }

  [Symbol.dispose](): void {
    this.loop[Symbol.dispose]()
  }

  /** A person may have had it consumed again. */
  #unconsumed(): readonly QueueName[] {
    if (this.#full.size === 0) return NONE
    const consumed = new Set(this.#parts.queues().map(queue => queue.name))
    return [...this.#full].filter(queue => !consumed.has(queue))
  }

  #stallWatch(timeout: Ms): StallWatch {
    return new StallWatch({
      runtime: this.#parts.runtime,
      timeout,
      flow: () => ({ deliveries: this.#delivered, room: room(this.#parts.flow()) }),
      queues: () => this.#parts.queues(),
      stalled: stall => this.#stalled(stall),
    })
  }

  #unservedWatch(): UnservedWatch {
    return new UnservedWatch({
      runtime: this.#parts.runtime,
      elsewhere: () => {
        const own = new Set<string>(this.#parts.queues().map(queue => queue.name))
        return this.#parts.known().filter(name => !own.has(name))
      },
      unserved: queue => this.#unserved(queue),
    })
  }

  #looked(lag: Ms): void {
    const { busy, slots, held } = this.#parts.flow()
    this.#parts.happened('worker-looked', { lag, busy, slots, held })
  }

  #stalled(stall: Stall): void {
    const { log } = this.#parts.runtime
    const { queue, depth, age, times } = stall
    const again = times > 1 ? ` It is the ${times}th time in a row.` : ''
    const what =
      queue === undefined
        ? `The broker has not told how much waits for ${seconds(age)}.`
        : `Nothing was delivered for ${seconds(age)} although queue '${queue}' has held messages all the time (${depth} now) and slots are free.`
    const leave = this.#parts.exitOnStall && times > 1
    log.error(`Stalled: ${what}${again} ${leave ? 'The worker ends (--exit-on-stall).' : 'Connecting anew.'}`, {
      ...(queue === undefined ? {} : { queue }),
      depth,
      age: age / 1000,
      times,
    })
    this.#parts.happened('worker-stalled', { queue, depth, age, times })
    if (leave) this.#parts.fail(new StallError(what))
    else this.#parts.renew()
  }

  #unserved({ queue, depth, age }: UnservedQueue): void {
    const since = age < 1000 ? '' : `, for ${seconds(age)} at least`
    this.#parts.runtime.log.warning(
      `Queue '${queue}' holds ${depth} messages and has no consumer${since}. Start a worker with -Q ${queue}, or correct the route that leads there.`,
      { queue, depth, age: age / 1000 },
    )
    this.#parts.happened('queue-unserved', { queue, depth, age })
  }
}

const NONE: readonly QueueName[] = Object.freeze([])

/** Free slots, as far as the broker may fill them. */
function room({ busy, slots, held, window }: WorkerFlow): number {
  const free = Math.max(0, slots - busy)
  return window === 0 ? free : Math.min(free, Math.max(0, window - held))
}

function seconds(ms: Ms): string {
  return `${(ms / 1000).toFixed(0)} s`
}
