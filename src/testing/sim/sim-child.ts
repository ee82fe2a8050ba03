import type { App } from '../../app/app.js'
import type { ParentLine } from '../../pools/child/parent-line.js'
import { FrameReader, toFrame } from '../../pools/child-frames.js'
import type { ChildLine, ChildListener, StartChild } from '../../pools/child-line.js'
import type { FromChild, ToChild } from '../../pools/child-protocol.js'
import { PoolChild } from '../../worker/pool-child.js'
import { OpenCalls } from './open-calls.js'
import type { SimPipe } from './sim-pipe.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'

/** Hears what becomes of the children of one worker. `id`: of the task. */
export interface ChildWatch {
  /** It is dead, and its worker does not know yet. */
  died(child: SimProcess): void
  /** It can be given calls, as its worker knows. `calls`: those that it has, at any time. */
  ready(child: SimProcess, calls: OpenCalls): void
  /** A call has come to it. */
  given(child: SimProcess): void
  /** The worker has the outcome of a call. */
  heard(child: SimProcess, id: string): void
  /** Calls that were ahead of their turn in it are with the worker again. */
  cameBack(child: SimProcess, count: number): void
  /** It ends by itself, as it was told to. */
  leaves(child: SimProcess): void
  /** Its worker ends it by force. */
  struck(child: SimProcess): void
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
 * `kill` ends one in the midst of anything; what it has sent by then still arrives. They die with their worker, a frozen one as
 * soon as it runs again.
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
  readonly #calls: OpenCalls
  #how = 'signal 9 (SIGKILL)'

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
    this.#calls = new OpenCalls(() => world.now)
    this.#end = new ChildEnd({
      up: message => this.#tell(message),
      caughtUp: callback => this.#afterPoll(callback),
      exit: code => this.#exit(code),
    })
    const life = worker.onDeath(() => process.deliver(() => process.kill()))
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
    if (message.kind === 'call') this.#calls.sent(message)
    if (message.kind === 'recall') this.#calls.recall()
    this.#down.send(() =>
      this.#process.deliver(() => {
        this.#end.push(frame)
        if (message.kind === 'call') this.#watch?.given(this.#process)
      }),
    )
  }

  caughtUp(callback: () => void): void {
    this.#up.send(() =>
      this.#worker.deliver(() => {
        this.#cameBack(this.#calls.caughtUp())
        callback()
      }),
    )
  }

  /** A frozen one feels it when it runs again. SIGKILL, which it would feel at once, comes by `destroy`. */
  signal(name: string): void {
    this.#process.deliver(() => this.#kill(`signal ${name}`))
  }

  destroy(): void {
    this.#watch?.struck(this.#process)
    this.#process.kill()
  }

  #tell(message: FromChild): void {
    const frame = Buffer.from(toFrame(message))
    this.#up.send(() =>
      this.#worker.deliver(() => {
        this.#noteEnd(message)
        this.#reader.push(frame, whole => this.#listener.received(whole))
        if (message.kind === 'ready') this.#watch?.ready(this.#process, this.#calls)
      }),
    )
  }

  #noteEnd(message: FromChild): void {
    if (message.kind === 'outcome') {
      const ended = this.#calls.ended(message.call)
      if (ended !== undefined) this.#watch?.heard(this.#process, ended.id)
    } else if (message.kind === 'recalled') {
      this.#cameBack(this.#calls.answered(message.begun))
    }
  }

  #cameBack(count: number): void {
    if (count > 0) this.#watch?.cameBack(this.#process, count)
  }

  /** Behind all that has come by then: one that was frozen reads everything before it goes on. */
  #afterPoll(callback: () => void): void {
    this.#down.send(() => {
      if (this.#process.state !== 'frozen') this.#process.deliver(callback)
      else this.#process.deliver(() => this.#afterPoll(callback))
    })
  }

  #exit(code: number): void {
    if (code === 0) this.#watch?.leaves(this.#process)
    this.#kill(`exitcode ${code}`)
  }

  #kill(exit: string): void {
    if (!this.#process.alive) return
    this.#how = exit
    this.#process.kill()
  }

  #gone(): void {
    if (!this.#worker.alive) return
    this.#watch?.died(this.#process)
    this.#up.send(() =>
      this.#worker.deliver(() => {
        this.#watch?.gone(this.#process, this.#calls.first?.id)
        this.#listener.ended(this.#how)
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
