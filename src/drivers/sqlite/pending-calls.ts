import { type Deferred, deferred } from '../../lib/deferred.js'
import type { LovageError } from '../../lib/errors.js'
import type { Question } from './executor.js'

interface Asked extends Question {
  readonly answer: Deferred<unknown>
}

/** Batches that may be posted at once: one that the thread works on, and one that it finds when it is done. */
const POSTED_AT_ONCE = 2

/**
 * Calls on their way to the operations: those of this turn, and the batches posted. What is asked while the thread has
 * as many as it may leaves together as the next transaction. An urgent call does not wait for the end of its turn: the
 * thread works on it while this one does what the turn is about. (A claim that waited for the handlers of the last one
 * left each side idle while the other worked.)
 */
export class PendingCalls {
  readonly #post: (questions: readonly Question[]) => void
  #waiting: Asked[] = []
  #posted: (readonly Asked[])[] = []
  #scheduled = false
  #refusal: LovageError | undefined
  #idle: Deferred<void> | undefined

  constructor(post: (questions: readonly Question[]) => void) {
    this.#post = post
  }

  get size(): number {
    return this.#waiting.length + this.#posted.reduce((sum, batch) => sum + batch.length, 0)
  }

  ask(name: string, args: unknown, urgent = false): Promise<unknown> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    const asked: Asked = { name, args, answer: deferred<unknown>() }
    this.#waiting.push(asked)
    if (urgent && this.#posted.length < POSTED_AT_ONCE) this.#flush()
    else this.#schedule()
    return asked.answer.promise
  }

  answered(values: readonly unknown[], errors: ReadonlyMap<number, unknown>): void {
    const posted = this.#posted.shift() ?? []
    for (let i = 0; i < posted.length; i++) {
      const { answer } = posted[i] as Asked
      if (errors.has(i)) answer.reject(errors.get(i))
      else answer.resolve(values[i])
    }
    if (this.#waiting.length > 0) this.#schedule()
    else if (this.#posted.length === 0) this.#rest()
  }

  /** From now on everything asked is refused; `refuse` also gives up what is pending. */
  refuse(error: LovageError): void {
    this.#refusal ??= error
    const pending = [...this.#posted.flat(), ...this.#waiting]
    this.#posted = []
    this.#waiting = []
    for (const asked of pending) asked.answer.reject(error)
    this.#rest()
  }

  /** Refuses what is asked from now on, and resolves when the rest has been answered. */
  drain(refusal: LovageError): Promise<void> {
    this.#refusal ??= refusal
    if (this.size === 0) return Promise.resolve()
    this.#idle ??= deferred()
    return this.#idle.promise
  }

  #schedule(): void {
    if (this.#scheduled || this.#posted.length >= POSTED_AT_ONCE) return
    this.#scheduled = true
    // Behind everything this turn has still to do: promise callbacks ask, too.
    setImmediate(() => {
      this.#scheduled = false
      if (this.#posted.length < POSTED_AT_ONCE) this.#flush()
    })
  }

  #flush(): void {
    if (this.#waiting.length === 0) return
    const batch = this.#waiting
    this.#waiting = []
    this.#posted.push(batch)
    this.#post(batch.map(({ name, args }) => ({ name, args })))
  }

  #rest(): void {
    const idle = this.#idle
    this.#idle = undefined
    idle?.resolve()
  }
}
