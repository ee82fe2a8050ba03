import { ClusterFold } from '../../events/cluster-state.js'
import type { ReceivedEvent } from '../../events/received-event.js'
import { deferred } from '../../lib/deferred.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Terminal } from '../io.js'
import { drawMonitor, shownTasks } from './monitor-screen.js'
import { FIRST_VIEW, keysOf, type MonitorAct, type MonitorView, pressed, type Reply } from './monitor-view.js'
import { frame } from './screen-line.js'

export interface MonitorParts {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly greeting: string
  readonly color: boolean
  /** Asks workers to revoke a task. */
  revoke(id: string): Promise<readonly Reply[]>
  rateLimit(task: string, rate: string): Promise<readonly Reply[]>
}

/** Ten frames a second at most. */
const FRAME: Ms = 100
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const BELL = '\u0007'

/**
 * The live view of a cluster on a terminal: folds events, draws at most ten times a second what has changed, obeys keys. From
 * `run` until it is disposed the screen is its own; afterwards the terminal is as it was.
 */
export class Monitor {
  readonly #parts: MonitorParts
  readonly #fold = new ClusterFold()
  readonly #quit = deferred<void>()
  #view: MonitorView = FIRST_VIEW
  #trouble: string | undefined
  #drawn = ''
  #timer: Disposable | undefined

  constructor(parts: MonitorParts) {
    this.#parts = parts
  }

  /** Resolves when somebody has had enough. */
  get quit(): Promise<void> {
    return this.#quit.promise
  }

  take(events: readonly ReceivedEvent[]): void {
    this.#trouble = undefined
    this.#fold.apply(events)
    this.#later()
  }

  /** The broker is away. Undefined: it is back. */
  troubled(text: string | undefined): void {
    this.#trouble = text
    this.#later()
  }

  run(): Disposable {
    const { terminal, clock } = this.#parts
    terminal.write(ENTER)
    const keys = terminal.onKeys(text => {
      for (const key of keysOf(text)) this.#press(key)
    })
    const resizes = terminal.onResize(() => {
      this.#drawn = ''
      this.#draw()
    })
    // Workers vanish without saying so.
    let tick: Disposable
    const look = (): void => {
      tick = clock.timer(1000, look)
      this.#draw()
    }
    look()
    return {
      [Symbol.dispose]: () => {
        tick[Symbol.dispose]()
        this.#timer?.[Symbol.dispose]()
        keys[Symbol.dispose]()
        resizes[Symbol.dispose]()
        terminal.write(LEAVE)
      },
    }
  }

  #press(key: string): void {
    const { view, act } = pressed(this.#view, key, shownTasks(this.#fold.state, this.#parts.terminal.rows))
    this.#view = view
    if (act !== undefined) this.#do(act)
    this.#draw()
  }

  #do(act: MonitorAct): void {
    switch (act.kind) {
      case 'quit':
        this.#quit.resolve()
        return
      case 'beep':
        this.#parts.terminal.write(BELL)
        return
      case 'revoke':
        this.#ask(this.#parts.revoke(act.id))
        return
      case 'rate-limit':
        this.#ask(this.#parts.rateLimit(act.task, act.rate))
        return
      default:
        act satisfies never
    }
  }

  #ask(asking: Promise<readonly Reply[]>): void {
    const answer = (lines: readonly Reply[]): void => {
      this.#view = { ...this.#view, over: { kind: 'replies', lines } }
      this.#draw()
    }
    asking.then(answer, error => answer([{ node: 'error', ok: false, text: String(error) }]))
  }

  #later(): void {
    this.#timer ??= this.#parts.clock.timer(FRAME, () => {
      this.#timer = undefined
      this.#draw()
    })
  }

  #draw(): void {
    const { terminal, clock, greeting, color } = this.#parts
    const { columns, rows } = terminal
    const { state } = this.#fold
    const lines = drawMonitor({
      columns,
      rows,
      greeting,
      state,
      view: this.#view,
      now: clock.steady(),
      trouble: this.#trouble,
    })
    const drawn = frame(lines, color)
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    terminal.write(drawn)
  }
}
