import { type Deferred, deferred } from '../../lib/deferred.js'
import type { LovageError } from '../../lib/errors.js'
import type { Question } from './executor.js'

interface Asked extends Question {
  readonly answer: Deferred<unknown>
}

/**
 * Calls on their way to the operations: those of this turn, and those posted. One batch is posted at a time, so what is
 * asked while the store is busy leaves together as the next transaction.
 */
export class PendingCalls {
  readonly #post: (questions: readonly Question[]) => void
  #waiting: Asked[] = []
  #posted: readonly Asked[] = []
  #scheduled = false
  #refusal: LovageError | undefined
  #idle: Deferred<void> | undefined

  constructor(post: (questions: readonly Question[]) => void) {
    this.#post = post
  }

  get size(): number {
    return this.#waiting.length + this.#posted.length
  }

  ask(name: string, args: unknown): Promise<unknown> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    const asked: Asked = { name, args, answer: deferred<unknown>() }
    this.#waiting.push(asked)
    this.#schedule()
    return asked.answer.promise
  }

  answered(values: readonly unknown[], errors: ReadonlyMap<number, unknown>): void {
    const posted = this.#posted
    this.#posted = []
    for (let i = 0; i < posted.length; i++) {
      const { answer } = posted[i] as Asked
      if (errors.has(i)) answer.reject(errors.get(i))
      else answer.resolve(values[i])
    }
    if (this.#waiting.length > 0) this.#schedule()
    else this.#rest()
  }

  /** From now on everything asked is refused; `refuse` also gives up what is pending. */
  refuse(error: LovageError): void {
    this.#refusal ??= error
    const pending = [...this.#posted, ...this.#waiting]
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
    if (this.#scheduled || this.#posted.length > 0) return
    this.#scheduled = true
    // Behind everything this turn has still to do: promise callbacks ask, too.
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#waiting.length === 0) return
    this.#posted = this.#waiting
    this.#waiting = []
    this.#post(this.#posted.map(({ name, args }) => ({ name, args })))
  }

  #rest(): void {
    const idle = this.#idle
    this.#idle = undefined
    idle?.resolve()
  }
}
