import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { CallControl, Execute, InterruptListener } from '../call-control.js'
import { poolBusy } from '../errors.js'
import { killedOutcome } from '../killed-outcome.js'
import type { Call, Execution, Interrupt, Outcome, Pool, PoolStats, Where } from '../pool.js'

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
  /** Nothing is gained by handing a call over before it can run. */
  readonly ahead = 0
  /** Nothing of its own can fail. */
  readonly failed: Promise<unknown> = new Promise(() => undefined)
  readonly #initialSize: number
  readonly #runtime: Runtime
  readonly #execute: Execute
  #size: number
  #running = 0
  #handed = 0

  constructor(options: InlinePoolOptions) {
    this.#runtime = options.runtime
    this.#execute = options.execute
    this.#size = options.size
    this.#initialSize = options.size
  }

  get size(): number {
    return this.#size
  }

  async start(): Promise<void> {}

  run(call: Call): Execution {
    this.#running++
    this.#handed++
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
    this.#size = Math.max(size, Math.min(this.#size, this.#running))
    if (this.#size > size) throw poolBusy()
  }

  async restart(): Promise<void> {}

  stats(): PoolStats {
    return {
      kind: this.kind,
      size: this.#size,
      initialSize: this.#initialSize,
      running: this.#running,
      members: [this.#runtime.host.pid],
      handed: [this.#handed],
      handedTotal: this.#handed,
      maxTasksPerChild: undefined,
      maxMemoryPerChild: undefined,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class InlineExecution implements Execution, CallControl {
  readonly outcome: Promise<Outcome>
  readonly where: Where
  readonly #pool: InlinePool
  #settle: (outcome: Outcome) => void = () => undefined
  #interrupt: Interrupt | undefined
  #listener: InterruptListener | undefined
  #ended = false

  constructor(pool: InlinePool, where: Where) {
    this.#pool = pool
    this.where = where
    this.outcome = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  get accepted(): Promise<Where> {
    return Promise.resolve(this.where)
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
    const runtime = this.#pool.elapsed(this.where.at)
    this.end({ ...killedOutcome(this.#interrupt, `signal ${signal}`), children: [], runtime })
  }

  end(outcome: Outcome): void {
    if (this.#ended) return
    this.#ended = true
    this.#pool.release()
    this.#settle(outcome)
  }
}
