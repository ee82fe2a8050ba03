import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { ChildExecution } from './child-execution.js'
import type { ChildLine, StartChild } from './child-line.js'
import type { FromChild, ToChild } from './child-protocol.js'

/** Whose child it is, as far as the child needs to know. */
export interface ChildOwner {
  readonly runtime: Runtime
  readonly killGrace: Ms
  heard(child: Child, message: FromChild): void
  garbled(child: Child, error: unknown): void
  /** It is gone; told once. */
  ended(child: Child, exit: string): void
  condemned(child: Child): void
}

/** How long the system may take to end what was ended by force, before it is no longer waited for. */
const UNKILLABLE: Ms = 2000

/**
 * A child as its pool sees it.
 *
 * Modes: *starting* until it is ready; *idle* or *busy* (with an `execution`); *gone*. Beside them stands what is to become
 * of it: it *stays*; *serves on*, taking calls until its replacement is there; or is *dismissed*: it gets no more calls,
 * leaves when it has none, and is ended by force when it does not. One that is killed is dismissed as well, so whatever
 * signal is still to follow cannot hit another task.
 */
export class Child {
  handed = 0
  execution: ChildExecution | undefined
  /** It was not ready in time. */
  late = false
  /** Why it could not be made ready. */
  unfit: unknown
  readonly #owner: ChildOwner
  readonly #line: ChildLine
  #readied = false
  #future: 'stays' | 'serves-on' | 'dismissed' = 'stays'
  #gone = false
  #destroyed = false
  #timer: Disposable | undefined

  /** Throws when it cannot be started. */
  constructor(owner: ChildOwner, start: StartChild) {
    this.#owner = owner
    this.#line = start({
      received: message => {
        // It is the same program: what can be read is of the protocol.
        if (!this.#gone) owner.heard(this, message as FromChild)
      },
      garbled: error => {
        if (!this.#gone) owner.garbled(this, error)
      },
      ended: exit => this.#end(exit),
    })
  }

  /** Process id, or thread id. */
  get id(): number {
    return this.#line.id
  }

  get isReady(): boolean {
    return this.#readied && !this.#gone
  }

  /** Ready at no time until now. */
  get neverReady(): boolean {
    return !this.#readied
  }

  get stays(): boolean {
    return this.#future === 'stays'
  }

  get servesOn(): boolean {
    return this.#future === 'serves-on'
  }

  get takesCalls(): boolean {
    return this.isReady && this.#future !== 'dismissed' && this.execution === undefined
  }

  ready(): void {
    this.#readied = true
    this.#stopTimer()
  }

  serveOn(): void {
    if (this.stays) this.#future = 'serves-on'
  }

  /** There will be no replacement. */
  stayOn(): void {
    if (this.servesOn) this.#future = 'stays'
  }

  dismiss(): void {
    this.#future = 'dismissed'
  }

  /** Throws `EncodeError`; then it has not been given. */
  give(execution: ChildExecution): void {
    const { request, ...rest } = execution.call
    const number = this.handed + 1
    const { headers, properties, body } = request.message
    const task = { ...rest, headers, properties, body: portable(body), expires: request.expires }
    this.#line.send({ kind: 'call', call: number, task })
    this.handed = number
    this.execution = execution
    execution.begun(this, number)
  }

  send(message: ToChild): void {
    if (!this.#gone) this.#line.send(message)
  }

  /** When `limit` is over before it is ready, or has gone on, `late` is called. */
  waitsUntil(limit: Ms, late: () => void): void {
    this.#stopTimer()
    if (!this.#gone) this.#timer = this.#owner.runtime.clock.timer(limit, late)
  }

  /** Asks it to leave, and sees to it. */
  leave(limit: Ms): void {
    this.dismiss()
    this.send({ kind: 'leave' })
    this.leaves(limit)
  }

  /** It leaves by itself. */
  leaves(limit: Ms): void {
    if (!this.#destroyed) this.waitsUntil(limit, () => this.destroy())
  }

  /** By this signal, and by force when that does not help within the grace period. */
  kill(signal: string): void {
    if (this.#gone || this.#destroyed) return
    this.dismiss()
    this.#owner.condemned(this)
    if (signal === 'SIGKILL') {
      this.destroy()
      return
    }
    this.#line.signal(signal)
    this.waitsUntil(this.#owner.killGrace, () => this.destroy())
  }

  destroy(): void {
    if (this.#gone || this.#destroyed) return
    this.#destroyed = true
    this.#line.destroy()
    this.waitsUntil(UNKILLABLE, () => this.#abandon())
  }

  /** Native code that does not come back, a file system that hangs: its place must not hang with it. */
  #abandon(): void {
    this.#owner.runtime.log.critical(`Child ${this.id} of the pool does not end, even by force; it is left behind.`)
    this.#end('it does not end')
  }

  #end(exit: string): void {
    if (this.#gone) return
    this.#gone = true
    this.#stopTimer()
    this.#owner.ended(this, exit)
    this.execution = undefined
  }

  #stopTimer(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }
}

/** Longer ones travel as bytes. */
const SHORT_BODY = 65_536

function portable(body: Uint8Array): string | Uint8Array {
  if (body.length > SHORT_BODY) return body
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
}
