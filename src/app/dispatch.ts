import { NotSentError } from '../brokers/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { badOption, type CallOptions, checkCallOptions } from './call-options.js'
import { aroundPublish, type Extension } from './extension.js'
import type { Opened } from './opened.js'
import type { Outgoing } from './outgoing.js'
import type { PublishLimits } from './publisher.js'
import type { Settings } from './settings.js'

/** What publishing needs of an app, as it is at the time: tests may put other parts into it for a while. */
export interface DispatchApp {
  readonly runtime: Runtime
  readonly settings: Settings
  /** The first is outermost. */
  readonly extensions: readonly Extension[]
  /** The broker has it. */
  sent(outgoing: Outgoing): void
}

export type DispatchOptions = Pick<CallOptions, 'transaction' | 'dispatchOnCommit'>

/** The way of a message that is made already: to the broker, or into a transaction of the user's. */
export class Dispatch {
  readonly #app: DispatchApp
  readonly #opened: () => Opened

  constructor(app: DispatchApp, opened: () => Opened) {
    this.#app = app
    this.#opened = opened
  }

  /** A result that comes as a message must find its queue. Nothing has been sent yet when that cannot be had in time (D04). */
  async expectResult({ timeout, signal }: PublishLimits): Promise<void> {
    const { runtime, settings } = this.#app
    const opened = this.#opened()
    if (!opened.expectsResults) return
    const backend = await opened.backend()
    if (backend?.expecting === true && signal?.aborted !== true) return
    const limit = timeout ?? settings.publishTimeout
    const stop = new AbortController()
    using _timer = runtime.clock.timer(limit, () => stop.abort(noReplyQueue(`not within ${limit / 1000} s`)))
    const abort = (): void => stop.abort(noReplyQueue('it was aborted', signal?.reason))
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
    try {
      await backend?.expect?.(stop.signal)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** `task`: whose options these are, for errors. */
  async send(task: string, outgoing: Outgoing, limits: PublishLimits, options: DispatchOptions): Promise<void> {
    const { transaction, dispatchOnCommit } = options
    if (transaction === undefined && dispatchOnCommit === undefined) {
      await this.#publish(outgoing, limits)
      this.#app.sent(outgoing)
      return
    }
    checkCallOptions(task, { transaction, dispatchOnCommit })
    const { settings } = this.#app
    const opened = this.#opened()
    const within = opened.transactional
    if (transaction !== undefined && dispatchOnCommit !== undefined) {
      throw badOption(task, 'dispatchOnCommit', 'left out where `transaction` is given', 'given')
    }
    if (transaction !== undefined) {
      await this.#around(outgoing, limits, async ready => {
        const told = settings.taskSendSentEvent ? await opened.events.sentWithin(ready) : undefined
        const entries = told === undefined ? [ready] : [ready, told]
        await Promise.all(entries.map(entry => within.publishWithin(transaction, entry)))
      })
    } else if (dispatchOnCommit !== undefined) {
      await this.#around(outgoing, limits, ready => within.dispatchOnCommit(dispatchOnCommit, ready))
    }
  }

  #publish(outgoing: Outgoing, limits: PublishLimits): Promise<void> {
    return this.#around(outgoing, limits, (ready, rest) => this.#opened().publisher.publish(ready, rest))
  }

  /** Inside the publish hooks of extensions. */
  #around(
    outgoing: Outgoing,
    limits: PublishLimits,
    publish: (outgoing: Outgoing, limits: PublishLimits) => Promise<void>,
  ): Promise<void> {
    const { extensions, runtime, settings } = this.#app
    if (extensions.length === 0) return publish(outgoing, limits)
    const { timeout = settings.publishTimeout } = limits
    const deadline = runtime.clock.steady() + timeout
    const left = (): Ms => Math.max(0, deadline - runtime.clock.steady())
    return aroundPublish(
      extensions,
      runtime,
      outgoing.message,
      message => publish({ ...outgoing, message }, { ...limits, timeout: left() }),
      { to: outgoing.to, timeout, late: hookTooLate },
    )
  }
}

function noReplyQueue(why: string, cause?: unknown): NotSentError {
  const message = `The task was not sent: the queue for its result could not be made ready: ${why}. It is safe to publish it again.`
  return new NotSentError('LVG_NOT_SENT', message, { cause, transient: true })
}

function hookTooLate(extension: string): NotSentError {
  const text = `The task was not sent: the publish hook of extension ${extension} did not go on in time. It is safe to publish it again.`
  return new NotSentError('LVG_NOT_SENT', text, { transient: true })
}
