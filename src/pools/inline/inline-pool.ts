import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { Call, Execution, Interrupt, Outcome, OutcomeKind, Pool, PoolStats, Where } from '../pool.js'

/** Runs one call and hands its outcome to `control.end`; never rejects. Given by the worker: a pool knows nothing of tasks. */
export type Execute = (call: Call, control: CallControl) => Promise<void>

export interface CallControl {
  /** At most one listener; told at once when an interrupt came before it. */
  onInterrupt(listener: InterruptListener): void
  /** The first one counts: a killed call has ended already. */
  end(outcome: Outcome): void
}

export interface InterruptListener {
  interrupted(reason: Interrupt): void
}

export interface InlinePoolOptions {
  readonly runtime: Runtime
  readonly size: number
  readonly execute: Execute
}

/**
 * The default pool: handlers run in this process, `size` of them at a time, sharing its event loop. Right for work that
 * waits. It can interrupt (the task's AbortSignal) but not kill: a `kill` abandons the execution, its slot is free
 * again and its outcome reported, while code that ignores the signal goes on unheard.
 */
export class InlinePool implements Pool {
  readonly kind = 'inline'
  readonly #runtime: Runtime
  readonly #execute: Execute
  #size: number
  #running = 0

  constructor(options: InlinePoolOptions) {
    this.#runtime = options.runtime
    this.#execute = options.execute
    this.#size = options.size
  }

  get size(): number {
    return this.#size
  }

  async start(): Promise<void> {}

  run(call: Call): Execution {
    this.#running++
    const { clock, host } = this.#runtime
    const execution = new InlineExecution(this, { pid: host.pid, at: clock.steady() })
    void this.#execute(call, execution)
    return execution
  }

  /** A slot is free again. */
  release(): void {
    this.#running--
  }

  elapsed(since: SteadyMs): Ms {
    return this.#runtime.clock.steady() - since
  }

  async resize(size: number): Promise<void> {
    this.#size = size
  }

  stats(): PoolStats {
    return { kind: this.kind, size: this.#size, running: this.#running, members: [this.#runtime.host.pid] }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class InlineExecution implements Execution, CallControl {
  readonly outcome: Promise<Outcome>
  readonly #pool: InlinePool
  readonly #where: Where
  #settle: (outcome: Outcome) => void = () => undefined
  #interrupt: Interrupt | undefined
  #listener: InterruptListener | undefined
  #ended = false

  constructor(pool: InlinePool, where: Where) {
    this.#pool = pool
    this.#where = where
    this.outcome = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  get accepted(): Promise<Where> {
    return Promise.resolve(this.#where)
  }

  onInterrupt(listener: InterruptListener): void {
    this.#listener = listener
    if (this.#interrupt !== undefined) listener.interrupted(this.#interrupt)
  }

  interrupt(reason: Interrupt): void {
    if (this.#ended) return
    this.#interrupt = reason
    this.#listener?.interrupted(reason)
  }

  kill(signal: string): void {
    const runtime = this.#pool.elapsed(this.#where.at)
    this.end({ ...killedOutcome(this.#interrupt, signal), children: [], runtime })
  }

  end(outcome: Outcome): void {
    if (this.#ended) return
    this.#ended = true
    this.#pool.release()
    this.#settle(outcome)
  }
}

/** What a kill means depends on why it came. */
function killedOutcome(interrupt: Interrupt | undefined, signal: string): OutcomeKind {
  switch (interrupt?.kind) {
    case 'hard-time-limit':
      return { kind: 'timed-out', limit: interrupt.limit, hard: true, traceback: undefined }
    case 'terminated':
      return { kind: 'cancelled', why: 'terminated', signal: interrupt.signal }
    case 'shutdown':
    case 'lease-lost':
    case 'connection-lost':
      return { kind: 'cancelled', why: interrupt.kind, signal: undefined }
    case 'soft-time-limit':
    case undefined:
      return { kind: 'lost', exit: `signal ${signal}` }
    default:
      return interrupt satisfies never
  }
}
