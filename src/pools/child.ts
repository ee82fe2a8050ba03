import { asBuffer } from '../lib/as-buffer.js'
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
  /** Calls that it was given and did not begin, in their order. It may be idle now. */
  returned(child: Child, executions: readonly ChildExecution[]): void
}

/** Calls that a child may have ahead of their turn. */
export const MAX_AHEAD = 15

/** Those with larger bodies wait for their turn here: what is ahead must leave room for a `recall` where nobody reads. */
const MAX_AHEAD_BODY = 4096

/** How long the system may take to end what was ended by force, before it is no longer waited for. */
const UNKILLABLE: Ms = 2000

/**
 * A child as its pool sees it.
 *
 * Modes: *starting* until it is ready; *idle* or *busy* (with an `execution`); *gone*. Beside them stands what is to become
 * of it: it *stays*; *serves on*, taking calls until its replacement is there; or is *dismissed*: it gets no more calls,
 * leaves when it has none, and is ended by force when it does not. One that is killed is dismissed as well, so whatever
 * signal is still to follow cannot hit another task.
 *
 * Behind the `execution` there may be calls *ahead* of their turn, which the child begins by itself. They are taken back
 * by `recall`; after that, and before a signal, it is waited until all that it has sent is received (child-protocol.ts).
 */
export class Child {
  /** Calls that it was given, and did not give back. */
  handed = 0
  /** The first call without an outcome. */
  execution: ChildExecution | undefined
  /** It was not ready in time. */
  late = false
  /** Why it could not be made ready. */
  unfit: unknown
  readonly #owner: ChildOwner
  readonly #line: ChildLine
  #readied = false
  #future: 'stays' | 'serves-on' | 'dismissed' = 'stays'
  #leaving = false
  #gone = false
  #destroyed = false
  #ahead: ChildExecution[] = []
  /** Of the last call. */
  #number = 0
  /** The last call that a `recall` concerns which is not answered. */
  #recalled: number | undefined
  /** A `recall` is sent; what the child had sent by then may still be on its way. */
  #catchingUp = false
  /** What waits for that: a signal, meant for that execution. */
  #signal: { readonly name: string; readonly meant: ChildExecution } | undefined
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

  /** Calls ahead of their turn. */
  get ahead(): number {
    return this.#ahead.length
  }

  /** It can be given this call beside the one that it has. */
  takesAhead({ call }: ChildExecution): boolean {
    return (
      this.isReady &&
      this.stays &&
      this.#recalled === undefined &&
      !this.#catchingUp &&
      this.#ahead.length < MAX_AHEAD &&
      call.request.message.body.byteLength <= MAX_AHEAD_BODY &&
      this.#line.flushed
    )
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

  /** Ahead of its turn, when there is another one. Throws `EncodeError`; then it has not been given. */
  give(execution: ChildExecution): void {
    const { request, ...rest } = execution.call
    const number = this.#number + 1
    const { headers, properties, body } = request.message
    const task = { ...rest, headers, properties, body: portable(body), expires: request.expires }
    this.#line.send({ kind: 'call', call: number, task })
    this.#number = number
    this.handed++
    execution.ahead(this, number)
    if (this.execution === undefined) this.#begins(execution)
    else this.#ahead.push(execution)
  }

  /** The outcome of its execution has come; it goes on with the next call, unless it leaves. */
  goesOn(leaves: boolean): void {
    this.execution = undefined
    const next = leaves ? undefined : this.#ahead.shift()
    if (next !== undefined) this.#begins(next)
  }

  /** What it has not begun is taken back, at once as far as that can be known. */
  recall(): void {
    if (this.#ahead.length === 0 || this.#recalled !== undefined || this.#catchingUp || this.#gone) return
    this.#recalled = this.#number
    this.#catchingUp = true
    this.send({ kind: 'recall' })
    this.#line.caughtUp(() => this.#caughtUp())
  }

  /** It has answered: it may not even have begun the first. */
  recalled(begun: number): void {
    const last = this.#recalled ?? 0
    this.#recalled = undefined
    const first = this.execution
    if (first !== undefined && first.number > begun && first.number <= last) {
      this.execution = undefined
      this.#ahead.unshift(first)
    }
    this.takeBack()
  }

  /** What is ahead will not be begun by it. */
  takeBack(): void {
    const executions = this.#ahead
    this.#ahead = []
    this.handed -= executions.length
    for (const execution of executions) execution.back()
    this.#owner.returned(this, executions)
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
    if (!this.#leaving) this.send({ kind: 'leave' })
    this.leaves(limit)
  }

  /** It leaves by itself. */
  leaves(limit: Ms): void {
    this.dismiss()
    this.#leaving = true
    if (!this.#destroyed) this.waitsUntil(limit, () => this.destroy())
  }

  /** By this signal, and by force when that does not help within the grace period. */
  kill(signal: string): void {
    if (this.#gone || this.#destroyed) return
    this.dismiss()
    this.#owner.condemned(this)
    this.recall()
    const meant = this.execution
    if (!this.#catchingUp || meant === undefined) this.#hit(signal)
    else {
      this.#signal = { name: signal, meant }
      this.waitsUntil(this.#owner.killGrace, () => this.destroy())
    }
  }

  destroy(): void {
    if (this.#gone || this.#destroyed) return
    this.#destroyed = true
    this.#line.destroy()
    this.waitsUntil(UNKILLABLE, () => this.#abandon())
  }

  #begins(execution: ChildExecution): void {
    this.execution = execution
    execution.begun(this)
  }

  /** Of calls that it was given before the `recall`, it runs at most the first without an outcome. */
  #caughtUp(): void {
    this.#catchingUp = false
    if (this.#gone) return
    const signal = this.#signal
    this.#signal = undefined
    this.takeBack()
    if (signal !== undefined && this.execution === signal.meant) this.#hit(signal.name)
  }

  #hit(signal: string): void {
    if (signal === 'SIGKILL') {
      this.destroy()
      return
    }
    this.#line.signal(signal)
    this.waitsUntil(this.#owner.killGrace, () => this.destroy())
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
    this.takeBack()
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
  return asBuffer(body).toString('latin1')
}
