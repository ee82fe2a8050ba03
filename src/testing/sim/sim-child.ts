import type { App } from '../../app/app.js'
import type { ParentLine } from '../../pools/child/parent-line.js'
import { FrameReader, toFrame } from '../../pools/child-frames.js'
import type { ChildLine, ChildListener, StartChild } from '../../pools/child-line.js'
import type { FromChild, ToChild } from '../../pools/child-protocol.js'
import { PoolChild } from '../../worker/pool-child.js'
import type { SimPipe } from './sim-pipe.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'

/** Hears what becomes of the children of one worker. `id`: of the task. */
export interface ChildWatch {
  /** It is dead, and its worker does not know yet. */
  died(child: SimProcess): void
  /** It can be given calls, as its worker knows. */
  ready(child: SimProcess): void
  /** A call has come to it. */
  given(child: SimProcess): void
  /** The worker has the outcome of a call. */
  heard(child: SimProcess, id: string): void
  /**
   * The worker knows that it is gone: what it has not heard of it, it never will. `first`: the task of the first call without an
   * outcome, which may have begun, as far as anybody outside can know.
   */
  gone(child: SimProcess, first: string | undefined): void
}

export interface SimChildrenParts {
  readonly world: SimWorld
  readonly worker: SimProcess
  readonly watch: ChildWatch | undefined
  /** The next one's process, and its app. */
  open(): { readonly process: SimProcess; readonly app: App }
}

/** How long loading the user's modules takes. */
const LOADING = { min: 20, max: 300 } as const
/** What is written comes out at the other end of a socket within. */
const ON_THE_WAY = { min: 0.01, max: 0.2 } as const

/**
 * Children of a pool in a simulated world: each a process of its own beside its worker, which runs the real child's code. A
 * `kill` ends one in the midst of anything; what it has sent by then still arrives. They die with their worker.
 */
export function startSimChild(parts: SimChildrenParts): StartChild {
  return listener => new SimChild(parts, listener)
}

class SimChild implements ChildLine {
  readonly id: number
  readonly #worker: SimProcess
  readonly #process: SimProcess
  readonly #watch: ChildWatch | undefined
  readonly #listener: ChildListener
  readonly #up: SimPipe
  readonly #down: SimPipe
  readonly #reader = new FrameReader()
  readonly #end: ChildEnd
  /** Calls without an outcome that were not taken back: tasks by number. */
  readonly #calls = new Map<number, string>()
  /** The last call that a `recall` concerns. */
  #recalled = 0
  #exit = 'signal 9 (SIGKILL)'

  constructor({ world, worker, watch, open }: SimChildrenParts, listener: ChildListener) {
    const { process, app } = open()
    const { pid } = process.runtime.host
    const random = world.random.split(`child ${pid}`)
    const delay = (): number => random.between(ON_THE_WAY.min, ON_THE_WAY.max)
    this.id = pid
    this.#worker = worker
    this.#process = process
    this.#watch = watch
    this.#listener = listener
    this.#up = world.pipe(delay)
    this.#down = world.pipe(delay)
    this.#end = new ChildEnd({
      up: message => this.#tell(message),
      caughtUp: callback => this.#down.send(() => process.deliver(callback)),
      exit: code => this.#kill(`exitcode ${code}`),
    })
    const life = worker.onDeath(() => process.kill())
    process.onDeath(() => {
      life[Symbol.dispose]()
      this.#gone()
    })
    const { clock } = process.runtime
    const load = async (): Promise<App> => {
      await clock.sleep(random.between(LOADING.min, LOADING.max))
      return app
    }
    clock.timer(delay(), () => new PoolChild(this.#end, load).serve())
  }

  readonly flushed = true

  send(message: ToChild): void {
    const frame = Buffer.from(toFrame(message))
    if (message.kind === 'call') this.#calls.set(message.call, String(message.task.headers['id']))
    if (message.kind === 'recall') this.#recalled = Math.max(0, ...this.#calls.keys())
    this.#down.send(() =>
      this.#process.deliver(() => {
        this.#end.push(frame)
        if (message.kind === 'call') this.#watch?.given(this.#process)
      }),
    )
  }

  caughtUp(callback: () => void): void {
    this.#up.send(() => this.#worker.deliver(callback))
  }

  signal(name: string): void {
    this.#kill(`signal ${name}`)
  }

  destroy(): void {
    this.#process.kill()
  }

  #tell(message: FromChild): void {
    const frame = Buffer.from(toFrame(message))
    this.#up.send(() =>
      this.#worker.deliver(() => {
        this.#noteEnd(message)
        this.#reader.push(frame, whole => this.#listener.received(whole))
        if (message.kind === 'ready') this.#watch?.ready(this.#process)
      }),
    )
  }

  #noteEnd(message: FromChild): void {
    if (message.kind === 'outcome') {
      const id = this.#calls.get(message.call)
      this.#calls.delete(message.call)
      if (id !== undefined) this.#watch?.heard(this.#process, id)
    } else if (message.kind === 'recalled') {
      const back = [...this.#calls.keys()].filter(call => call > message.begun && call <= this.#recalled)
      for (const call of back) this.#calls.delete(call)
    }
  }

  #kill(exit: string): void {
    if (!this.#process.alive) return
    this.#exit = exit
    this.#process.kill()
  }

  #gone(): void {
    if (!this.#worker.alive) return
    this.#watch?.died(this.#process)
    this.#up.send(() =>
      this.#worker.deliver(() => {
        const [first] = this.#calls.values()
        this.#watch?.gone(this.#process, first)
        this.#listener.ended(this.#exit)
      }),
    )
  }
}

interface ChildEndParts {
  up(message: FromChild): void
  caughtUp(callback: () => void): void
  exit(code: number): void
}

/** The child's end of the line. */
class ChildEnd implements ParentLine {
  readonly backlog = 0
  readonly #parts: ChildEndParts
  readonly #reader = new FrameReader()
  #listener: ((message: ToChild) => void) | undefined
  #before: Uint8Array[] = []

  constructor(parts: ChildEndParts) {
    this.#parts = parts
  }

  push(frame: Uint8Array): void {
    const listener = this.#listener
    if (listener === undefined) this.#before.push(frame)
    // The worker is the same program: what it sends can be read.
    else this.#reader.push(frame, message => listener(message as ToChild))
  }

  send(message: FromChild): void {
    this.#parts.up(message)
  }

  caughtUp(callback: () => void): void {
    this.#parts.caughtUp(callback)
  }

  listen(listener: (message: ToChild) => void): void {
    this.#listener = listener
    for (const frame of this.#before.splice(0)) this.push(frame)
  }

  memory(): number {
    return 0
  }

  /** Whoever throws where nobody catches ends the run. */
  onStrayError(): void {}

  exit(code: number): void {
    this.#parts.exit(code)
  }
}
