import type { Connection } from '../brokers/broker.js'
import type { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { NodeName } from '../protocol/ids.js'
import type { Companion } from './companion.js'

export interface MingleParts {
  readonly runtime: Runtime
  readonly self: NodeName
  /** The application's clock. */
  readonly clock: LamportClock
  /** Tells the others what is revoked and asks what they know: their answers by node name. */
  hello(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>
  /** A neighbour's answer: takes over what is revoked there, gives its clock. Undefined: it is no such answer. */
  learn(reply: unknown): number | undefined
}

/**
 * Asks the neighbours, once per connection, what they know: which tasks are revoked, and how late it is by their clocks. Work does not
 * wait for it (H12): it begins when messages are consumed already, what is learnt holds from then on, and who does not answer
 * within a second is not waited for. Source: celery/worker/consumer/mingle.py `Mingle`.
 */
export class Mingle implements Companion {
  readonly name = 'mingle'
  readonly #parts: MingleParts

  constructor(parts: MingleParts) {
    this.#parts = parts
  }

  async join(_connection: Connection, signal: AbortSignal): Promise<AsyncDisposable> {
    const leave = new AbortController()
    const asking = this.#sync(AbortSignal.any([signal, leave.signal]))
    return {
      async [Symbol.asyncDispose]() {
        leave.abort()
        await asking
      },
    }
  }

  /** Never rejects. */
  async #sync(signal: AbortSignal): Promise<void> {
    const { log } = this.#parts.runtime
    log.info('mingle: searching for neighbors')
    let learnt = 0
    try {
      const replies = await this.#parts.hello(signal)
      for (const [node, reply] of Object.entries(replies)) if (this.#heed(node, reply)) learnt++
    } catch (error) {
      if (!signal.aborted) log.warning(`mingle: the neighbors could not be asked: ${String(error)}`)
      return
    }
    log.info(learnt === 0 ? 'mingle: all alone' : `mingle: sync with ${learnt} nodes complete`)
  }

  #heed(node: string, reply: unknown): boolean {
    const { self, clock, runtime } = this.#parts
    if (node === self || reply === null || reply === undefined) return false
    const theirs = this.#parts.learn(reply)
    if (theirs === undefined) {
      runtime.log.warning(`mingle: the answer of ${node} is none.`)
      return false
    }
    clock.adjust(theirs)
    return true
  }
}
